"""What the agent is doing, in one plain sentence: for `systemctl status` and for people."""

from scout.agent.core.session import Session
from scout.agent.monitor import Monitor
from scout.agent.report import Reporter


def describe(session: Session, reporter: Reporter, monitor: Monitor) -> str:
    """The sentence. The number of files stays out of it, so that it changes with the state only."""
    path = session.directory.decode("utf-8", "backslashreplace")
    if monitor.figures.available:
        how = "by events" if monitor.figures.mode == "events" else "by polling"
        here = f"Watching {path} {how}"
    else:
        here = f"{path} is unavailable: {monitor.reason}"
    trouble = reporter.trouble
    if reporter.refusal:
        there = f"{reporter.address} refuses us: {reporter.refusal}"
    elif reporter.connected:
        there = f"in touch with {reporter.address}"
        if not session.master_serving:
            there = f"{reporter.address} is not serving, changes are held"
    elif trouble is not None:
        there = f"orphaned: no master at {reporter.address} ({trouble.reason}), changes are held"
    else:
        there = f"connecting to {reporter.address}"
    return f"{here}; {there}"

"""The wire: generated protobuf code, and the codec around it."""

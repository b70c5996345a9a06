"""The Export page: a network as a proven ONNX file."""

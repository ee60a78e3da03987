"""The topology: sources, stages and sinks as Flink jobs. The only package that starts Java."""

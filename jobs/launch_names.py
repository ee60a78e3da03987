"""How a job is called: by Flink, as a consumer group, and at the beginning of its transactional ids. No Flink."""


def job_title(name: str, entry: str) -> str:
    """Return the job's name as Flink shows it.

    >>> job_title("crosstide", "pipeline")
    'crosstide: pipeline'
    """
    return f"{name}: {entry}"


def group(name: str, entry: str) -> str:
    """Return the consumer group of a job, which is also the beginning of its transactional ids.

    >>> group("crosstide", "pipeline")
    'crosstide-pipeline'
    """
    return f"{name}-{entry}"

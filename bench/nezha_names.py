"""How columns and faults of Nezha are called here."""

#: Column of a pod's file -> our metric and its unit. Rates in percent become shares of 1; the last three are the
#: node under the pod, whose name the data does not give, so they stay with the pod.
POD = {
    "CpuUsage(m)": ("pod.cpu.usage", "m", 1.0),
    "CpuUsageRate(%)": ("pod.cpu.utilization", "1", 0.01),
    "MemoryUsage(Mi)": ("pod.memory.usage", "MiB", 1.0),
    "MemoryUsageRate(%)": ("pod.memory.utilization", "1", 0.01),
    "SyscallRead": ("pod.syscalls.read", "1", 1.0),
    "SyscallWrite": ("pod.syscalls.write", "1", 1.0),
    "NetworkReceiveBytes": ("pod.network.receive", "By", 1.0),
    "NetworkTransmitBytes": ("pod.network.transmit", "By", 1.0),
    "PodClientLatencyP90(s)": ("pod.client.latency.p90", "s", 1.0),
    "PodServerLatencyP90(s)": ("pod.server.latency.p90", "s", 1.0),
    "PodClientLatencyP95(s)": ("pod.client.latency.p95", "s", 1.0),
    "PodServerLatencyP95(s)": ("pod.server.latency.p95", "s", 1.0),
    "PodClientLatencyP99(s)": ("pod.client.latency.p99", "s", 1.0),
    "PodServerLatencyP99(s)": ("pod.server.latency.p99", "s", 1.0),
    "PodWorkload(Ops)": ("pod.workload", "1/s", 1.0),
    "PodSuccessRate(%)": ("pod.success_rate", "1", 0.01),
    "NodeCpuUsageRate(%)": ("pod.host.cpu.utilization", "1", 0.01),
    "NodeMemoryUsageRate(%)": ("pod.host.memory.utilization", "1", 0.01),
    "NodeNetworkReceiveBytes": ("pod.host.network.receive", "By", 1.0),
}

#: The same for `front_service.csv`: the shop as its users see it.
FRONT = {
    "SuccessRate(%)": ("service.success_rate", "1", 0.01),
    "LatencyP50(s)": ("service.latency.p50", "s", 1.0),
    "LatencyP90(s)": ("service.latency.p90", "s", 1.0),
    "LatencyP95(s)": ("service.latency.p95", "s", 1.0),
    "LatencyP99(s)": ("service.latency.p99", "s", 1.0),
}

#: Kind of injected fault -> categories that name it rightly; `return` and `exception` are faulty code.
CATEGORIES = {
    "cpu_contention": ["resource_saturation"],
    "cpu_consumed": ["resource_saturation"],
    "network_delay": ["network", "dependency"],
    "return": ["deployment", "unknown"],
    "exception": ["deployment", "unknown"],
}

"""Who is who in the lab: services, their nodes, whom they call, how often they are asked, and whom trouble reaches."""

#: service -> node, callees first
NODES = {"store": "n2", "fraud": "n2", "checkout": "n1", "price": "n1", "ranking": "n2"}
CALLS = {"fraud": ("store",), "checkout": ("store", "fraud"), "price": ("store",), "ranking": ("store",)}
#: Services with a model; the store has none.
MODELS = tuple(CALLS)
#: The same as targets of faults.
ON_MODELS = tuple(f"service/{service}" for service in MODELS)
#: Services that wait for the disk before they answer.
JOURNALED = ("fraud", "price")
#: Requests a second from outside; fraud also has checkout's.
RATES = {"checkout": 6.0, "fraud": 4.0, "price": 5.0, "ranking": 5.0}

TOPOLOGY = "services:\n" + "".join(
    f"  {name}: {{on: [node/{node}], calls: [{', '.join(CALLS.get(name, ()))}]}}\n" for name, node in NODES.items()
)


def callers(callee: str) -> list[str]:
    """Name the services that call one."""
    return [name for name, callees in CALLS.items() if callee in callees]


def reach(target: str) -> tuple[str, ...]:
    """Name the model services that a fault at a target (`service/x`, `node/n`, `link/caller/callee`) may hurt."""
    kind, _, name = target.partition("/")
    on_node = {service for service, node in NODES.items() if node == name}
    # of a link both ends: what one asks and does not get, the other has on record
    found = on_node if kind == "node" else set(name.split("/")) - ({"store"} if kind == "link" else set())
    while more := {caller for service in found for caller in callers(service)} - found:
        found |= more
    return tuple(sorted(found & set(MODELS)))

"""The life of a case in sentences: why merged, why routed, why due then, and whether its journal is whole."""

"""What the integration tests share: the proxy under test, scripted origins, clients, a DNS server, configuration."""

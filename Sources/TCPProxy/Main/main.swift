print("tcp-proxy")

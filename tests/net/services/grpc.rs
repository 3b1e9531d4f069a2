//! `GRPC_CHECK` with the server of Debian's Python.

use super::{Check, halt, is_ready, last_says, watch};
use crate::support::{Host, Lab, Process};

/// The messages are so small that they are written out: a service's name in, a status out.
const SERVER: &str = r#"
import grpc, sys
from concurrent import futures
STATUS = {b"": b"\x08\x01", b"\x0a\x04shop": b"\x08\x01", b"\x0a\x04busy": b"\x08\x02", b"\x0a\x03new": b""}
def check(request, context):
    if request not in STATUS:
        context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
    return STATUS[request]
server = grpc.server(futures.ThreadPoolExecutor(4))
handler = grpc.unary_unary_rpc_method_handler(check)
if sys.argv[2] == "health":
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": handler}),))
server.add_insecure_port("127.0.0.1:" + sys.argv[1])
server.start()
print("ready", flush=True)
server.wait_for_termination()
"#;

fn server(host: &Host, port: u16, kind: &str) -> Process {
    let mut command = host.command("/usr/bin/python3");
    command.args(["-c", SERVER, &port.to_string(), kind]);
    host.start(&format!("grpc{port}"), &mut command)
}

pub(super) fn comes_and_goes(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let health = server(&host, 50051, "health");
    let other = server(&host, 50052, "nothing");
    [&health, &other].into_iter().for_each(|server| is_ready(server, "ready"));
    let checks: [Check<'_>; 7] = [
        ("GRPC_CHECK", "", 50051),
        ("GRPC_CHECK", "service shop\nvirtualhost www.example", 50051),
        ("GRPC_CHECK", "service busy", 50051),
        ("GRPC_CHECK", "service new", 50051),
        ("GRPC_CHECK", "service nowhere", 50051),
        ("GRPC_CHECK", "", 50052),
        ("GRPC_CHECK", "", 50053),
    ];
    let director = watch(&host, &checks);
    for (server, words) in [
        (1, "success."),
        (2, "success."),
        (3, "the service's status is NOT_SERVING"),
        (4, "the service's status is UNKNOWN"),
        (5, "the server tells no status"),
        (6, "the server tells no status"),
        (7, "Connection refused"),
    ] {
        last_says(&director, server, words);
    }
    halt(&health, true);
    last_says(&director, 1, "failed after 1 retries");
    halt(&health, false);
    last_says(&director, 1, "success.");
    health.kill_tree();
    last_says(&director, 1, "failed after 1 retries");
    let _again = server(&host, 50051, "health");
    last_says(&director, 1, "success.");
    director.terminate();
}

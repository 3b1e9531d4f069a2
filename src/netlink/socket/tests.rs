use super::super::message::{CREATE, DUMP, EXCLUSIVE};
use super::*;
use crate::sys::testing::{in_namespace, ip, ip_json};

const NEW_ADDRESS: u16 = 20;
const DELETE_ADDRESS: u16 = 21;
const GET_ADDRESS: u16 = 22;
const GET_LINK: u16 = 18;

/// `ifaddrmsg` and `IFA_LOCAL` of an IPv4 address of 10.0.0.0/8 on loopback.
fn address(batch: &mut Batch, kind: u16, flags: u16, n: u32) {
    let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + n).octets();
    batch.begin(kind, flags).bytes(&[2, 32, 0, 0]).bytes(&1_u32.to_ne_bytes()).attr(2, &address);
}

fn count(socket: &mut Socket) -> usize {
    let mut batch = Batch::new();
    batch.begin(GET_ADDRESS, DUMP).bytes(&[2, 0, 0, 0, 0, 0, 0, 0]);
    let mut n = 0;
    assert_ne!(socket.dump(&mut batch, |_| n += 1).unwrap(), Consistency::Interrupted);
    n - 1 // 127.0.0.1
}

#[test]
fn a_batch_over_many_sends_is_carried_out_and_only_failures_are_told() {
    in_namespace(|| {
        let mut socket = Socket::open(Protocol::Route).unwrap();
        let mut batch = Batch::new();
        for n in 1..=1500 {
            address(&mut batch, NEW_ADDRESS, CREATE | EXCLUSIVE, n);
        }
        assert_eq!(socket.execute(&mut batch), []);
        assert_eq!(count(&mut socket), 1500);
        assert_eq!(ip_json("-4 addr show dev lo")[0]["addr_info"].as_array().unwrap().len(), 1501);

        batch.clear();
        for n in [1501, 700, 1502, 701] {
            address(&mut batch, NEW_ADDRESS, CREATE | EXCLUSIVE, n);
        }
        let failed = socket.execute(&mut batch);
        let errnos: Vec<_> = failed
            .iter()
            .map(|f| match &f.failure {
                Failure::Refused(refusal) => (f.index, refusal.errno),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(errnos, [(1, Errno::EEXIST), (3, Errno::EEXIST)]);

        // Every one fails, and every failure arrives.
        batch.clear();
        for n in 5000..6500 {
            address(&mut batch, DELETE_ADDRESS, 0, n);
        }
        let failed = socket.execute(&mut batch);
        assert_eq!(failed.len(), 1500);
        assert!(failed.iter().enumerate().all(|(n, f)| f.index == n
            && matches!(&f.failure, Failure::Refused(r) if r.errno == Errno::EADDRNOTAVAIL)));
    });
}

#[test]
fn the_kernels_words_come_with_its_refusal() {
    in_namespace(|| {
        let mut socket = Socket::open(Protocol::Route).unwrap();
        let mut batch = Batch::new();
        // An interface index that does not exist.
        batch
            .begin(NEW_ADDRESS, 0)
            .bytes(&[2, 32, 0, 0])
            .bytes(&999_u32.to_ne_bytes())
            .attr(2, &[10, 0, 0, 1]);
        let failed = socket.execute(&mut batch);
        let Some(Failure::Refused(refusal)) = failed.first().map(|f| &f.failure) else {
            panic!("{failed:?}")
        };
        assert_eq!(refusal.errno, Errno::ENODEV);
        assert!(refusal.explanation.is_some(), "no extended acknowledgement: {refusal}");
    });
}

#[test]
fn answers_that_do_not_fit_the_receive_buffer_are_unknown_not_success() {
    in_namespace(|| {
        let mut socket = Socket::open(Protocol::Route).unwrap();
        sockopt::set(&socket.fd, libc::SOL_SOCKET, libc::SO_RCVBUF, 8 << 10).unwrap();
        let mut batch = Batch::new();
        for n in 0..200 {
            address(&mut batch, DELETE_ADDRESS, 0, n);
        }
        let failed = socket.execute(&mut batch);
        assert_eq!(failed.iter().map(|f| f.index).collect::<Vec<_>>(), (0..200).collect::<Vec<_>>());
        assert!(failed.iter().any(|f| f.failure == Failure::Unknown));

        // With its limits fitted to the small buffer nothing is lost, and the socket has recovered.
        socket.fit_limits();
        assert!(socket.max_requests < 200);
        let failed = socket.execute(&mut batch);
        assert_eq!(failed.len(), 200);
        assert!(failed.iter().all(|f| matches!(f.failure, Failure::Refused(_))));
    });
}

#[test]
fn sends_too_long_for_the_send_buffer_are_halved() {
    in_namespace(|| {
        let mut socket = Socket::open(Protocol::Route).unwrap();
        sockopt::set(&socket.fd, libc::SOL_SOCKET, libc::SO_SNDBUF, 4 << 10).unwrap();
        let mut batch = Batch::new();
        for n in 1..=512 {
            address(&mut batch, NEW_ADDRESS, 0, n);
        }
        assert_eq!(socket.execute(&mut batch), []);
        assert_eq!(count(&mut socket), 512);

        // One request that never fits fails alone.
        batch.clear();
        address(&mut batch, DELETE_ADDRESS, 0, 1);
        batch.begin(DELETE_ADDRESS, 0).bytes(&vec![0; 20 << 10]);
        batch.begin(DELETE_ADDRESS, 0).attr(1, &vec![0; 70 << 10]);
        address(&mut batch, DELETE_ADDRESS, 0, 2);
        let too_long = |index| Failed { index, failure: Failure::NotSent(Errno::EMSGSIZE) };
        assert_eq!(socket.execute(&mut batch), [too_long(1), too_long(2)]);
        assert_eq!(count(&mut socket), 510);
    });
}

#[test]
fn a_kernel_that_does_not_answer_ends_in_unknown_and_not_sent() {
    in_namespace(|| {
        let mut socket = Socket::open(Protocol::Route).unwrap();
        socket.patience = Duration::from_millis(20);
        socket.max_requests = 2;
        // Answers carry the real port: with another one expected they are somebody else's.
        socket.port ^= 1;
        let mut batch = Batch::new();
        for n in 1..=3 {
            address(&mut batch, NEW_ADDRESS, 0, n);
        }
        let failed = socket.execute(&mut batch);
        let failures: Vec<_> = failed.into_iter().map(|f| f.failure).collect();
        assert_eq!(failures, [Failure::Unknown, Failure::Unknown, Failure::NotSent(Errno::ETIMEDOUT)]);

        batch.clear();
        batch.begin(GET_LINK, DUMP).bytes(&[0; 16]);
        assert!(matches!(socket.dump(&mut batch, |_| ()), Err(Error::NoAnswer)));

        // What those late answers were is no concern of the next request.
        socket.port ^= 1;
        batch.clear();
        address(&mut batch, NEW_ADDRESS, 0, 4);
        assert_eq!(socket.execute(&mut batch), []);
    });
}

#[test]
fn dumps_are_refused_with_a_reason_or_given_whole() {
    in_namespace(|| {
        for n in 0..100 {
            ip(&format!("link add d{n} type veth peer name p{n}"));
        }
        let mut socket = Socket::open(Protocol::Route).unwrap();
        let mut batch = Batch::new();
        batch.begin(GET_LINK, DUMP).bytes(&[0; 16]);
        let mut links = 0;
        assert_eq!(socket.dump(&mut batch, |_| links += 1).unwrap(), Consistency::Parts);
        assert_eq!(links, 201);
        batch.clear();
        batch.begin(GET_ADDRESS, DUMP).bytes(&[2, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(socket.dump(&mut batch, |_| {}).unwrap(), Consistency::Whole, "127.0.0.1 alone");

        batch.clear();
        batch.begin(GET_LINK, DUMP).bytes(&[0; 3]);
        assert!(
            matches!(socket.dump(&mut batch, |_| ()), Err(Error::Refused(r)) if r.errno == Errno::EINVAL)
        );
    });
}

#[test]
fn a_dump_tells_that_the_table_changed_meanwhile() {
    in_namespace(|| {
        let mut socket = Socket::open(Protocol::Route).unwrap();
        let mut other = Socket::open(Protocol::Route).unwrap();
        let mut batch = Batch::new();
        for n in 1..=3000 {
            address(&mut batch, NEW_ADDRESS, 0, n);
        }
        assert_eq!(socket.execute(&mut batch), []);
        let mut dump = Batch::new();
        dump.begin(GET_ADDRESS, DUMP).bytes(&[2, 0, 0, 0, 0, 0, 0, 0]);
        let mut n = 0;
        let consistency = socket.dump(&mut dump, |_| {
            n += 1;
            if n == 10 {
                let mut change = Batch::new();
                address(&mut change, DELETE_ADDRESS, 0, 2990);
                assert_eq!(other.execute(&mut change), []);
            }
        });
        assert_eq!(consistency.unwrap(), Consistency::Interrupted);
    });
}

/// A measurement, not an assertion about this machine:
/// `cargo nextest run --run-ignored only batch_speed --no-capture`.
#[test]
#[ignore = "measures, and wants an idle machine"]
fn batch_speed() {
    const SET_LINK: u16 = 19;
    const UNKNOWN: u16 = 300;
    const COUNT: usize = 101_000;
    // Changes nothing, and so costs the kernel as little as a request can.
    fn write(batch: &mut Batch) {
        batch.clear();
        for n in 0..COUNT as u32 {
            let mut request = batch.begin(SET_LINK, 0);
            request.bytes(&[0; 4]).bytes(&1_u32.to_ne_bytes()).bytes(&[0; 8]);
            request.nested(UNKNOWN, |inner| {
                inner.attr_u16(40, 2).attr_u16(41, 6).attr_u32(42, n).attr_u32(43, n).attr_u32(44, 0);
            });
        }
    }
    in_namespace(|| {
        let mut socket = Socket::open(Protocol::Route).unwrap();
        let mut batch = Batch::new();
        let (mut engine, mut writing, mut bare) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..5 {
            let start = clock::now();
            write(&mut batch);
            writing.push(clock::now() - start);
            let failed = socket.execute(&mut batch);
            engine.push(clock::now() - start);
            assert!(failed.is_empty(), "{:?}", failed.first());

            // The same bytes, sealed already, nothing done with the answers.
            let start = clock::now();
            let mut answer = [0; 4096];
            for from in (0..COUNT).step_by(MAX_REQUESTS) {
                socket.send(batch.range(from, COUNT.min(from + MAX_REQUESTS))).unwrap();
                while !matches!(read(&socket.fd, &mut answer).unwrap(), Read::Empty) {}
            }
            bare.push(clock::now() - start);
        }
        eprintln!("engine {engine:?}, of it writing {writing:?}; bare sender {bare:?}");
    });
}

//! The driver on a real kernel: one end of a cable is the router's, the other one sees what it says.

use super::*;
use crate::net::Family;
use crate::sys::packet::Listener;
use crate::sys::raw;
use crate::sys::testing::{in_namespace_async, index, ip, readable, soon, up, veth};
use crate::vrrp::config::{self, Instance, Version, VirtualAddress, Vrid};
use crate::vrrp::packet::{Advert, Body, Centis};
use std::net::IpAddr;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

const VIP: &str = "10.9.0.100";
const ARP: u16 = 0x0806;

/// A fast one: it takes over within 40 ms.
fn instance() -> Instance {
    Instance {
        version: Version::V3,
        advert_int: Duration::from_millis(10),
        addresses: vec![VirtualAddress::new("10.9.0.100/24".parse().unwrap(), "near")],
        ..Instance::new("VI", "near", Vrid::new(51).unwrap())
    }
}

fn config(instance: Instance) -> Config {
    Config {
        vrrp: config::Config { instances: vec![instance], ..config::Config::default() },
        ..Config::default()
    }
}

/// The parent's end of the worker's line.
struct Parent {
    orders: UnboundedSender<ToWorker>,
    reports: UnboundedReceiver<FromWorker>,
}

impl Parent {
    async fn ready(&mut self) {
        assert_eq!(soon("ready", self.reports.recv()).await, Some(FromWorker::Ready));
    }
}

/// Runs the driver beside a story, which ends with the driver's clean stop.
async fn with_driver<F: Future<Output = Parent>>(config: Config, story: impl FnOnce(Parent) -> F) {
    let (orders, inbox) = unbounded_channel();
    let (outbox, reports) = unbounded_channel();
    let driver = run(config, Options::default(), Control::new(inbox, outbox));
    let story = async {
        let parent = story(Parent { orders, reports }).await;
        parent.orders.send(ToWorker::Stop).unwrap();
    };
    let (ended, ()) = tokio::join!(driver, story);
    ended.unwrap();
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    soon(what, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

fn has_address(address: &str) -> bool {
    ip("address show dev near").contains(&format!("{address}/"))
}

/// A socket at the far end, in VRRP's group.
fn peer() -> raw::Socket {
    let socket = raw::Socket::open(Family::V4, index("far")).unwrap();
    socket.join(raw::GROUP_V4.into()).unwrap();
    socket
}

fn cable() {
    veth("near", "far");
    ip("address add 10.9.0.1/24 dev near");
    ip("address add 10.8.0.2/24 dev far");
    // Both ends are this host's: its own address is a fine source for the far end.
    for (key, value) in [("accept_local", "1"), ("rp_filter", "0")] {
        std::fs::write(format!("/proc/sys/net/ipv4/conf/far/{key}"), value).unwrap();
    }
}

async fn next_advert(socket: &mut raw::Socket, wanted: impl Fn(&Advert) -> bool) -> Advert {
    soon("an advert", async {
        loop {
            let mut found = None;
            socket
                .drain(&mut raw::Inbox::new(), |packet| {
                    assert_eq!(packet.ttl, 255);
                    let advert = Advert::decode(packet.payload, packet.source, packet.destination).unwrap();
                    if wanted(&advert) {
                        found = Some(advert);
                    }
                })
                .unwrap();
            match found {
                Some(advert) => return advert,
                None => readable(socket).await,
            }
        }
    })
    .await
}

#[test]
fn takes_over_announces_and_leaves_cleanly() {
    in_namespace_async(|| async {
        cable();
        let mut far = peer();
        let mut frames = Listener::open(index("far"), ARP).unwrap();
        with_driver(config(instance()), |mut parent| async {
            parent.ready().await;
            let advert = next_advert(&mut far, |_| true).await;
            assert_eq!(
                (advert.priority, &*advert.addresses),
                (100, &["10.9.0.100".parse::<IpAddr>().unwrap()][..])
            );
            let mut arps = vec![];
            soon("five gratuitous ARPs", async {
                while arps.len() < 5 {
                    frames.ready().await.unwrap();
                    frames.drain(|frame, _| arps.push(frame.to_vec())).unwrap();
                }
            })
            .await;
            assert!(arps.iter().all(|arp| arp[28..32] == [10, 9, 0, 100]), "{arps:?}");
            assert!(has_address(VIP));
            parent
        })
        .await;
        assert!(!has_address(VIP));
        next_advert(&mut far, |advert| advert.priority == 0).await;
    });
}

#[test]
fn what_a_predecessor_left_is_removed_before_it_is_ready() {
    in_namespace_async(|| async {
        cable();
        ip("address add 10.9.0.100/24 dev near");
        let slow = Instance { advert_int: Duration::from_secs(10), ..instance() };
        with_driver(config(slow), |mut parent| async {
            parent.ready().await;
            assert!(!has_address(VIP));
            parent
        })
        .await;
    });
}

#[test]
fn a_missing_interface_is_waited_for_and_a_lost_carrier_releases_the_address() {
    in_namespace_async(|| async {
        with_driver(config(instance()), |mut parent| async {
            parent.ready().await;
            cable();
            until("the address", || has_address(VIP)).await;
            ip("link set far down");
            until("the address to go", || !has_address(VIP)).await;
            up(&["far"]);
            until("the address again", || has_address(VIP)).await;
            // Another interface of the same name.
            ip("link delete near");
            cable();
            until("the address on the new interface", || has_address(VIP)).await;
            parent
        })
        .await;
    });
}

#[test]
fn an_address_removed_by_hand_comes_back() {
    in_namespace_async(|| async {
        cable();
        with_driver(config(instance()), |parent| async {
            until("the address", || has_address(VIP)).await;
            ip("address delete 10.9.0.100/24 dev near");
            until("the address again", || has_address(VIP)).await;
            parent
        })
        .await;
    });
}

#[test]
fn a_better_master_is_believed_and_garbage_is_not() {
    in_namespace_async(|| async {
        cable();
        let far = peer();
        let say = |payload: &[u8]| {
            let source = "10.9.0.2".parse().unwrap();
            far.send(raw::Packet {
                source,
                destination: raw::GROUP_V4.into(),
                ttl: Some(raw::TTL),
                id: 0,
                payload,
            })
            .unwrap();
        };
        let better = Advert {
            vrid: Vrid::new(51).unwrap(),
            priority: 200,
            addresses: [VIP.parse().unwrap()].into(),
            body: Body::V3 { interval: Centis(500) },
        };
        with_driver(config(instance()), |parent| async {
            until("the address", || has_address(VIP)).await;
            for garbage in [&b""[..], b"x", &[0x31; 7], &[0x31; 200], &[0xff; 20]] {
                say(garbage);
            }
            let mut unfair = better.encode("10.9.0.2".parse().unwrap(), raw::GROUP_V4.into());
            unfair[2] = 201;
            say(&unfair);
            tokio::task::yield_now().await;
            assert!(has_address(VIP));
            say(&better.encode("10.9.0.2".parse().unwrap(), raw::GROUP_V4.into()));
            until("the address to go", || !has_address(VIP)).await;
            parent
        })
        .await;
    });
}

#[test]
fn a_reload_changes_addresses_without_a_pause() {
    in_namespace_async(|| async {
        cable();
        let mut far = peer();
        with_driver(config(instance()), |mut parent| async {
            parent.ready().await;
            until("the address", || has_address(VIP)).await;
            let mut changed = instance();
            changed.addresses[0].net = "10.9.0.101/24".parse().unwrap();
            parent.orders.send(ToWorker::Reload(Box::new(config(changed)))).unwrap();
            parent.ready().await;
            assert!(has_address("10.9.0.101") && !has_address(VIP));
            let advert = next_advert(&mut far, |a| a.addresses[0].to_string() == "10.9.0.101").await;
            assert_eq!(advert.priority, 100);
            parent
        })
        .await;
    });
}

#[test]
fn an_address_that_the_kernel_refuses_does_not_keep_the_others_out() {
    in_namespace_async(|| async {
        cable();
        let mut mixed = instance();
        let multicast =
            VirtualAddress { net: "10.9.0.102/24".parse().unwrap(), ..mixed.addresses[0].clone() };
        mixed.excluded.push(VirtualAddress { interface: "nowhere".into(), ..multicast.clone() });
        mixed.excluded.push(multicast);
        with_driver(config(mixed), |parent| async {
            until("the addresses", || has_address(VIP) && has_address("10.9.0.102")).await;
            parent
        })
        .await;
        assert!(!has_address(VIP));
    });
}

#[test]
fn ipv6_is_announced_by_neighbour_advertisements() {
    in_namespace_async(|| async {
        veth("near", "far");
        let mut v6 = instance();
        v6.family = Family::V6;
        v6.addresses[0].net = "2001:db8::100/64".parse().unwrap();
        let mut frames = Listener::open(index("far"), 0x86dd).unwrap();
        with_driver(config(v6), |parent| async {
            until("the address", || has_address("2001:db8::100")).await;
            soon("a neighbour advertisement", async {
                let mut seen = false;
                while !seen {
                    frames.ready().await.unwrap();
                    frames.drain(|frame, _| seen |= frame.get(54) == Some(&136)).unwrap();
                }
            })
            .await;
            parent
        })
        .await;
        assert!(!has_address("2001:db8::100"));
    });
}

#[test]
fn a_flood_of_lower_adverts_is_answered_by_few_frames() {
    in_namespace_async(|| async {
        cable();
        let mut far = peer();
        let mut frames = Listener::open(index("far"), ARP).unwrap();
        let lower = Advert {
            vrid: Vrid::new(51).unwrap(),
            priority: 50,
            addresses: [VIP.parse().unwrap()].into(),
            body: Body::V3 { interval: Centis(1) },
        };
        let source = "10.9.0.2".parse().unwrap();
        let bytes = lower.encode(source, raw::GROUP_V4.into());
        let began = clock::now();
        with_driver(config(instance()), |mut parent| async {
            parent.ready().await;
            next_advert(&mut far, |_| true).await;
            for _ in 0..50 {
                let one = raw::Packet {
                    source,
                    destination: raw::GROUP_V4.into(),
                    ttl: Some(raw::TTL),
                    id: 0,
                    payload: &bytes,
                };
                far.send_many((0..100).map(|_| one), |_, _| ());
                tokio::task::yield_now().await;
            }
            // It goes on as the master.
            for _ in 0..20 {
                assert_eq!(next_advert(&mut far, |_| true).await.priority, 100);
            }
            parent
        })
        .await;
        let mut arps = 0;
        frames.drain(|_, _| arps += 1).unwrap();
        // Twice five for having become master, and five for each second in which it heard lower ones.
        let most = 10 + 5 * ((clock::now() - began).as_secs() + 2);
        assert!((5..=most).contains(&arps), "{arps} gratuitous ARPs for 5000 adverts");
    });
}

#[test]
fn a_reload_that_moves_to_another_interface_says_goodbye_on_the_old_one() {
    in_namespace_async(|| async {
        cable();
        veth("near2", "far2");
        ip("address add 10.7.0.1/24 dev near2");
        let mut far = peer();
        with_driver(config(instance()), |mut parent| async {
            parent.ready().await;
            until("the address", || has_address(VIP)).await;
            let mut moved = instance();
            moved.interface = Some("near2".into());
            moved.addresses[0].interface = "near2".into();
            parent.orders.send(ToWorker::Reload(Box::new(config(moved)))).unwrap();
            parent.ready().await;
            assert!(!has_address(VIP));
            next_advert(&mut far, |advert| advert.priority == 0).await;
            let on_the_new = || ip("address show dev near2").contains(&format!("{VIP}/"));
            until("the address on the new interface", on_the_new).await;
            parent
        })
        .await;
    });
}

/// Whoever is no instance has a line break in its name: what is static above all.
#[test]
fn no_configuration_has_a_name_with_a_line_break() {
    let block = "vrrp_instance \"static\n\" {\n interface eth0\n virtual_router_id 1\n}\n";
    let defined = "$NAME=\"static\\\n \"\nvrrp_instance $NAME {\n interface eth0\n virtual_router_id 1\n}\n";
    let carriage = block.replace("c\n", "c\r\n");
    for text in [block, defined, &carriage] {
        let config = crate::conf::load_text("a", text, &crate::conf::LoadOptions::default()).config.unwrap();
        let names: Vec<_> = config.vrrp.instances.iter().map(|instance| &instance.name).collect();
        assert!(!names.is_empty() && names.iter().all(|name| !name.contains('\n')), "{names:?}");
    }
}

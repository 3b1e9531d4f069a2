//! Interfaces of our own: made before anything else, made again when somebody takes them, removed at last.

mod below;
mod reload;

use super::*;
use crate::vrrp::config::Vmac;
use crate::vrrp::event::{LinkKind, NewLink, OwnKind};

const MAC: MacAddr = MacAddr([0, 0, 0x5e, 0, 1, 51]);
const SOURCE: &str = "10.0.0.1/24";

fn with_vmac() -> config::Instance {
    let mut one = instance("VI", 51, 150);
    one.link.vmac = Some(Vmac::default());
    one
}

/// A router with its kernel: makes links as it is asked to, unless it refuses.
struct Bench {
    router: Router,
    now: Instant,
    out: Actions,
    next: u32,
    refuses: bool,
    made: Vec<NewLink>,
    /// The kernel's news are read when all changes are made, as by the engine.
    news: Option<Vec<Event<'static>>>,
    /// What the kernel has where it is minded: no two of one name or Ethernet address.
    there: Option<Vec<(IfIndex, Name, MacAddr)>>,
}

impl Bench {
    fn new() -> Bench {
        let (router, out) = (Router::new(false), Vec::new());
        Bench { router, now: START, out, next: 10, refuses: false, made: vec![], news: None, there: None }
    }

    fn handle(&mut self, event: Event<'_>) {
        handle(&mut self.router, self.now, event, &mut self.out);
        self.settle();
    }

    fn after(&mut self, wait: Duration) {
        self.now += wait;
        timeout(&mut self.router, self.now, &mut self.out);
        self.settle();
    }

    /// Does what actions ask for, until nothing follows from it. What they were is forgotten, save the reports.
    fn settle(&mut self) {
        loop {
            let links: Vec<(Name, Name)> = self
                .out
                .iter()
                .filter_map(|a| match a {
                    Action::ApplyLinks { instance, links } => Some((instance.clone(), links)),
                    _ => None,
                })
                .flat_map(|(instance, links)| links.iter().map(move |link| (instance.clone(), link.clone())))
                .collect();
            self.out.retain(|a| matches!(a, Action::Report { .. } | Action::Advertise { .. }));
            if links.is_empty() {
                return;
            }
            for (instance, link) in links {
                let mut changes = vec![];
                self.router.plan_link(&link, &mut changes);
                for change in changes {
                    self.change(&instance, &change);
                }
            }
            for event in self.news.iter_mut().flat_map(std::mem::take).collect::<Vec<_>>() {
                handle(&mut self.router, self.now, event, &mut self.out);
            }
            timeout(&mut self.router, self.now, &mut self.out);
        }
    }

    fn news(&mut self, event: Event<'static>) {
        match &mut self.news {
            Some(news) => news.push(event),
            None => handle(&mut self.router, self.now, event, &mut self.out),
        }
    }

    fn change(&mut self, instance: &Name, change: &Change) {
        let refused = match change {
            _ if self.refuses => Some(Refusal::Other("no memory".into())),
            Change::AddLink(new) => {
                let is_same = |(_, name, mac): &(_, Name, MacAddr)| {
                    *name == new.link.name || new.link.kind == OwnKind::Macvlan(*mac)
                };
                self.there.iter().flatten().any(is_same).then_some(Refusal::Exists)
            }
            Change::RemoveLink { interface, .. } => {
                let is_gone = self
                    .there
                    .as_deref()
                    .is_some_and(|all| !all.iter().any(|(index, ..)| index == interface));
                is_gone.then_some(Refusal::NoInterface)
            }
            _ => None,
        };
        let owner = self.router.owner_of_link(instance, change).unwrap_or(instance).clone();
        let report = self.router.link_changed(self.now, instance, change, refused.as_ref());
        self.out.extend(report.map(|report| Action::Report { instance: Some(owner), report }));
        if refused.is_some() {
            return;
        }
        match change {
            Change::AddLink(new) => {
                self.made.push((**new).clone());
                self.next += 1;
                let OwnKind::Macvlan(mac) = new.link.kind else { panic!("{new:?}") };
                let there = (IfIndex(self.next), new.link.name.clone(), mac);
                self.there.iter_mut().for_each(|all| all.push(there.clone()));
                let make = Make { kind: LinkKind::PrivateMacvlan, below: Some(new.base), ..Make::default() };
                let mut link = Link { mac: Some(mac), make, ..named_link(&new.link.name, self.next, false) };
                for up in [false, true] {
                    link.up = up;
                    self.news(Event::Link(link.clone()));
                }
            }
            Change::RemoveLink { interface, .. } => {
                self.there.iter_mut().for_each(|all| all.retain(|(index, ..)| index != interface));
                self.news(Event::LinkGone(*interface));
            }
            Change::Set { .. }
            | Change::CheckReversePaths(_)
            | Change::Muzzle { .. }
            | Change::Shut { .. } => {}
            other => {
                let outcome = self.router.changed(self.now, instance, other.clone(), None);
                assert!(matches!(outcome, Outcome::Set | Outcome::Removed), "{other:?}: {outcome:?}");
            }
        }
    }

    /// What was reported since the last time, shortened.
    fn told(&mut self) -> Vec<String> {
        let all = std::mem::take(&mut self.out);
        let text = |report: Report| match report {
            Report::Entered { to, .. } => format!("{to:?}"),
            Report::LinkMade(name) => format!("+{name}"),
            Report::LinkRemoved(name) => format!("-{name}"),
            Report::LinkRefused { link, .. } => format!("!{link}"),
            Report::Faulty { fault, .. } => format!("{fault:?}"),
            other => {
                let other = format!("{other:?}");
                other.split([' ', '(']).next().unwrap_or_default().to_owned()
            }
        };
        all.into_iter()
            .filter_map(|action| match action {
                Action::Report { report, .. } => Some(text(report)),
                _ => None,
            })
            .collect()
    }

    fn index(&self, name: &str) -> IfIndex {
        self.router.kernel.link_named(name).unwrap_or_else(|| panic!("there is no {name}")).index
    }
}

fn master() -> Bench {
    let mut b = Bench::new();
    b.handle(link(true, &[SOURCE]));
    b.handle(config(vec![with_vmac()]));
    assert_eq!(b.told(), ["+vrrp.51", "Backup"]);
    b.after(Duration::from_secs(4));
    assert_eq!(b.told(), ["MasterDown", "Master"]);
    b
}

#[test]
fn it_is_made_before_the_instance_begins_and_removed_behind_it() {
    let mut b = master();
    let vmac = b.index("vrrp.51");
    assert_eq!(b.made[0].link.kind, OwnKind::Macvlan(MAC));
    assert!(b.router.kernel.holds(&VirtualAddress::new("10.0.0.51/24".parse().unwrap(), "vrrp.51")));
    let listens: Vec<_> = b.router.listening.keys().map(|listen| listen.interface).collect();
    assert_eq!(listens, [Some(vmac)]);
    let frame = b.router.frame("VI", &b.router.instance("VI").unwrap().addresses()[0].clone()).unwrap();
    assert_eq!((frame.interface, &frame.bytes()[6..12]), (vmac, &MAC.0[..]));
    b.handle(Event::Stop);
    assert_eq!(b.told(), ["PriorityZeroSent", "Init", "-vrrp.51"]);
}

#[test]
fn adverts_leave_by_it_or_by_the_interface_below() {
    for on_base in [false, true] {
        let mut b = Bench::new();
        let mut one = with_vmac();
        one.link.transmit_on_base = on_base;
        b.handle(link(true, &[SOURCE]));
        b.handle(config(vec![one]));
        b.after(Duration::from_secs(4));
        let packet = b.out.iter().find_map(|a| match a {
            Action::Advertise { packet, .. } => Some(packet.clone()),
            _ => None,
        });
        let packet = packet.expect("an advert");
        assert_eq!(packet.source.to_string(), "10.0.0.1");
        assert_eq!(packet.interface == Some(IfIndex(2)), on_base);
    }
}

#[test]
fn one_that_somebody_removes_is_made_again() {
    let mut b = master();
    let index = b.index("vrrp.51");
    b.handle(Event::LinkGone(index));
    assert_eq!(b.told(), ["Fault", "NoInterface(\"vrrp.51\")", "+vrrp.51", "Backup"]);
}

#[test]
fn one_that_is_gone_without_news_is_made_again() {
    let mut b = master();
    b.handle(link(true, &[SOURCE]));
    assert_eq!(b.told(), ["Fault", "NoInterface(\"vrrp.51\")", "+vrrp.51", "Backup"]);
}

/// The kernel's news were lost, and all is read anew before the one that was just made has been told of.
#[test]
fn one_that_is_gone_before_it_was_heard_of_is_made_again() {
    let mut b = Bench::new();
    b.handle(link(true, &[SOURCE]));
    handle(&mut b.router, b.now, config(vec![with_vmac()]), &mut b.out);
    let mut changes = vec![];
    b.router.plan_link(&"vrrp.51".into(), &mut changes);
    for change in changes {
        b.router.link_changed(b.now, &"VI".into(), &change, None);
    }
    b.out.clear();
    b.handle(link(true, &[SOURCE]));
    assert_eq!(b.told(), ["+vrrp.51", "Backup"]);
}

#[test]
fn it_waits_for_the_interface_below() {
    let mut b = Bench::new();
    b.handle(config(vec![with_vmac()]));
    let told = b.told();
    assert!(told.contains(&"Fault".to_owned()) && b.made.is_empty(), "{told:?}");
    b.handle(Event::Link(named_link("eth0", 2, true)));
    b.handle(address_event(2, SOURCE));
    let told = b.told();
    assert!(told.contains(&"+vrrp.51".to_owned()) && told.last().unwrap() == "Backup", "{told:?}");
    // With the one below it goes, and comes again on its successor.
    let index = b.index("vrrp.51");
    b.handle(Event::LinkGone(index));
    b.handle(Event::LinkGone(IfIndex(2)));
    b.told();
    b.handle(Event::Link(named_link("eth0", 5, true)));
    b.handle(address_event(5, SOURCE));
    assert_eq!(b.told().last().unwrap(), "Backup");
    assert_eq!(b.made.last().unwrap().base, IfIndex(5));
}

#[test]
fn one_that_is_refused_is_a_fault_and_tried_again() {
    let mut b = Bench::new();
    b.refuses = true;
    b.handle(link(true, &[SOURCE]));
    b.handle(config(vec![with_vmac()]));
    assert_eq!(b.told(), ["!vrrp.51", "Fault", "NoInterface(\"vrrp.51\")"]);
    b.after(Duration::from_secs(6));
    assert!(b.told().is_empty(), "said once");
    // The kernel has made it, and refused to set it up: somebody else has its Ethernet address.
    b.handle(Event::Link(named_link("vrrp.51", 11, false)));
    b.handle(Event::LinkGone(IfIndex(11)));
    let told = b.told();
    let is_try = |told: &String| told.starts_with(['+', '!']);
    assert!(!told.iter().any(is_try) && b.made.is_empty(), "not tried again at once: {told:?}");
    assert!(b.router.kernel.is_link_refused(&"vrrp.51".into()), "{told:?}");
    b.refuses = false;
    b.after(Duration::from_secs(6));
    let told = b.told();
    assert!(told.contains(&"+vrrp.51".to_owned()) && told.last().unwrap() == "Backup", "{told:?}");
}

#[test]
fn what_an_earlier_run_left_is_used() {
    let mut b = Bench::new();
    let make = Make { kind: LinkKind::PrivateMacvlan, below: Some(IfIndex(2)), ..Make::default() };
    let left = Link { mac: Some(MAC), make, ..named_link("left", 7, true) };
    b.handle(links(&[(named_link("eth0", 2, true), &[SOURCE]), (left, &[])]));
    b.handle(config(vec![with_vmac()]));
    assert_eq!(b.told(), ["Backup"]);
    b.handle(Event::Stop);
    assert_eq!(b.told(), ["Init", "-left"]);
}

#[test]
fn ipv6_speaks_from_the_link_local_address_of_the_interface_below() {
    let mut b = Bench::new();
    let mut one = with_vmac();
    (one.family, one.version) = (Family::V6, config::Version::V3);
    one.addresses = vec![VirtualAddress::new("fe80::51/64".parse().unwrap(), "eth0")];
    b.handle(link(true, &["fe80::1/64"]));
    b.handle(config(vec![one]));
    assert_eq!(b.told(), ["+vrrp.51", "Backup"]);
    b.after(Duration::from_secs(4));
    let source = b.out.iter().find_map(|a| match a {
        Action::Advertise { packet, .. } => Some((packet.source.to_string(), packet.interface)),
        _ => None,
    });
    assert_eq!(source, Some(("fe80::1".to_owned(), Some(b.index("vrrp.51")))));
    let own = VirtualAddress::new("fe80::1/64".parse().unwrap(), "vrrp.51");
    assert!(b.router.kernel.holds(&own));
    // Somebody takes it: it is set again.
    let vmac = b.index("vrrp.51");
    b.handle(Event::AddressGone { interface: vmac, net: own.net });
    assert!(b.router.kernel.holds(&own));
    // The interface below gets another one.
    b.handle(Event::AddressGone { interface: IfIndex(2), net: own.net });
    b.handle(address_event(2, "fe80::2/64"));
    assert!(b.router.kernel.holds(&VirtualAddress::new("fe80::2/64".parse().unwrap(), "vrrp.51")));
    assert!(!b.router.kernel.holds(&own));
}

fn in_group(mut instances: Vec<config::Instance>, priority: u8) -> Event<'static> {
    instances.iter_mut().for_each(|instance| instance.priority = priority);
    let group = config::SyncGroup {
        name: "G".to_owned(),
        instances: instances.iter().map(|instance| instance.name.to_string()).collect(),
        tracking: config::Tracking::default(),
        tracking_weight: false,
        notify: Rare::default(),
    };
    Event::Config(Box::new(config::Config {
        instances,
        sync_groups: vec![group],
        ..config::Config::default()
    }))
}

fn state_of_group(b: &Bench) -> Option<StateKind> {
    b.router.groups().next().map(|(_, state)| state)
}

/// The reload comes after the interface below, before those on top of it are made.
#[test]
fn a_group_waits_over_a_reload_for_the_interfaces_of_its_members() {
    let other = config::Instance { name: "VJ".into(), vrid: Vrid::new(52).unwrap(), ..with_vmac() };
    let both = vec![with_vmac(), other];
    let mut b = Bench::new();
    b.handle(in_group(both.clone(), 150));
    assert_eq!(state_of_group(&b), Some(StateKind::Fault));
    for event in [Event::Link(named_link("eth0", 2, true)), address_event(2, SOURCE), in_group(both, 140)] {
        handle(&mut b.router, b.now, event, &mut b.out);
    }
    assert_eq!(state_of_group(&b), Some(StateKind::Fault));
    b.settle();
    assert_eq!(state_of_group(&b), Some(StateKind::Backup));
    assert!(b.router.instances().all(|instance| instance.state() == StateKind::Backup));
}

/// One that runs joins one that waits for its interface.
#[test]
fn a_new_group_is_in_fault_while_a_member_waits_for_its_interface() {
    let vmac = config::Instance { name: "VJ".into(), vrid: Vrid::new(52).unwrap(), ..with_vmac() };
    let both = vec![instance("VI", 51, 150), vmac];
    let mut b = Bench::new();
    b.refuses = true;
    b.handle(link(true, &[SOURCE]));
    b.handle(config(both.clone()));
    let states: Vec<_> = b.router.instances().map(crate::vrrp::Instance::state).collect();
    assert_eq!(states, [StateKind::Backup, StateKind::Fault]);
    b.refuses = false;
    handle(&mut b.router, b.now, Event::LinkGone(IfIndex(2)), &mut b.out);
    handle(&mut b.router, b.now, Event::Link(named_link("eth0", 2, true)), &mut b.out);
    handle(&mut b.router, b.now, address_event(2, SOURCE), &mut b.out);
    handle(&mut b.router, b.now, in_group(both, 150), &mut b.out);
    assert_eq!(state_of_group(&b), Some(StateKind::Fault));
    b.settle();
    assert_eq!(state_of_group(&b), Some(StateKind::Backup));
    assert!(b.router.instances().all(|instance| instance.state() == StateKind::Backup));
}

/// Whoever waits for it would wait in vain.
#[test]
fn one_that_was_refused_stays_so_over_a_reload() {
    let mut b = Bench::new();
    b.refuses = true;
    b.handle(link(true, &[SOURCE]));
    b.handle(config(vec![with_vmac()]));
    let mut other = with_vmac();
    other.priority = 140;
    handle(&mut b.router, b.now, config(vec![other]), &mut b.out);
    let instance = b.router.instance("VI").unwrap();
    assert_eq!(
        (instance.state(), b.router.kernel.is_link_refused(&"vrrp.51".into())),
        (StateKind::Fault, true)
    );
    b.settle();
    b.refuses = false;
    b.after(Duration::from_secs(6));
    assert_eq!(b.told().last().unwrap(), "Backup");
}

/// It is no virtual one, which nobody wants there.
#[test]
fn the_address_of_one_is_set_again_where_it_was_refused() {
    let mut b = Bench::new();
    let mut one = with_vmac();
    one.family = Family::V6;
    one.addresses = vec![VirtualAddress::new("2001:db8::51/64".parse().unwrap(), "eth0")];
    b.handle(link(true, &["fe80::1/64"]));
    b.handle(config(vec![one]));
    let index = b.index("vrrp.51");
    let address = VirtualAddress::new("fe80::1/64".parse().unwrap(), "vrrp.51");
    let change = Change::Add { interface: index, address };
    let outcome = b.router.changed(b.now, &"VI".into(), change, Some(&Refusal::NoMemory));
    assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
    let mut out = vec![];
    timeout(&mut b.router, b.now + Duration::from_secs(6), &mut out);
    assert!(out.iter().any(|action| matches!(action, Action::ApplyLinks { .. })), "{out:?}");
    let means_it = |a: &VirtualAddress| a.net.address.to_string() == "fe80::1";
    let as_virtual =
        |action: &Action| matches!(action, Action::Apply { addresses, .. } if addresses.iter().any(means_it));
    assert!(!out.iter().any(as_virtual), "{out:?}");
}

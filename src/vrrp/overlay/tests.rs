//! Names of interfaces of our own, and which addresses live on them.

use super::*;
use crate::vrrp::config::{Instance, VirtualAddress, Vmac};
use crate::vrrp::event::{Make, Settings};

const BASE: IfIndex = IfIndex(2);

fn link(name: &str, index: u32, make: Make, mac: [u8; 6]) -> Link {
    let (name, index) = (name.into(), IfIndex(index));
    Link {
        name,
        index,
        up: true,
        mtu: 1500,
        mac: Some(MacAddr(mac)),
        forwards: false,
        table: None,
        make,
        v4: Settings::default(),
    }
}

fn eth0() -> Link {
    link("eth0", 2, Make::default(), [2, 0, 0, 0, 0, 1])
}

fn vmac(name: &str, family: u8, vrid: u8) -> Link {
    let make = Make { kind: LinkKind::PrivateMacvlan, below: Some(BASE), ..Make::default() };
    link(name, 9, make, [0, 0, 0x5e, 0, family, vrid])
}

fn instance(name: &str, family: Family, vrid: u8, addresses: &[(&str, &str)]) -> Instance {
    let address = |(net, dev): &(&str, &str)| VirtualAddress::new(net.parse().unwrap(), *dev);
    let mut instance = Instance::new(name, "eth0", Vrid::new(vrid).unwrap());
    instance.family = family;
    instance.addresses = addresses.iter().map(address).collect();
    instance.link.vmac = Some(Vmac::default());
    instance
}

/// The names that instances get, and those of their addresses' interfaces.
fn names(instances: &mut [Instance], there: &[Link], former: &[&str]) -> Vec<(String, Vec<String>)> {
    let defaults = Defaults::default();
    let own = |name: &&str| {
        let mut before = [Instance::clone(&instances[0])];
        before[0].link.vmac = Some(Vmac { name: Some((*name).to_owned()), ..Vmac::default() });
        let mut names =
            Names::new(&defaults, there.iter().take(1), EMPTY.get_or_init(HashMap::new), [].iter());
        (Name::from(*name), names.overlay(&mut before[0]).own.unwrap())
    };
    let former: HashMap<Name, OwnLink> = former.iter().map(own).collect();
    let mut names = Names::new(&defaults, there.iter(), &former, instances.iter());
    let mut all = Vec::new();
    for instance in instances {
        let overlay = names.overlay(instance);
        let addresses = instance.addresses.iter().chain(instance.excluded.iter());
        let own = overlay.own.map(|own| own.name.to_string()).unwrap_or_default();
        all.push((own, addresses.map(|a| a.interface.to_string()).collect()));
    }
    all
}

static EMPTY: std::sync::OnceLock<HashMap<Name, OwnLink>> = std::sync::OnceLock::new();

#[test]
fn names_are_keepalived_s() {
    let both = || {
        let v4 = instance("V4", Family::V4, 51, &[("10.0.0.100/24", "eth0")]);
        [v4, instance("V6", Family::V6, 51, &[("fe80::51/64", "eth0")])]
    };
    let on = |name: &str| (name.to_owned(), vec![name.to_owned()]);
    assert_eq!(names(&mut both(), &[eth0()], &[]), [on("vrrp.51"), on("vrrp6.51")]);
    // One that is there already keeps its name.
    let there = [eth0(), vmac("vrrp7.51", 1, 51)];
    assert_eq!(names(&mut both(), &there, &[]), [on("vrrp7.51"), on("vrrp.51")]);
    // What bears the name and is something else does not make room for a name that nobody asked for.
    let there = [eth0(), link("vrrp.51", 7, Make::default(), [2; 6])];
    assert_eq!(names(&mut both(), &there, &[]), [on("vrrp1.51"), on("vrrp6.51")]);
}

#[test]
fn the_name_that_is_asked_for_is_taken_if_it_can_be() {
    let asked = |name: &str| {
        let mut one = instance("V4", Family::V4, 51, &[("10.0.0.100/24", "eth0")]);
        one.link.vmac = Some(Vmac { name: Some(name.to_owned()), ..Vmac::default() });
        [one]
    };
    let first = |all: Vec<(String, Vec<String>)>| all[0].0.clone();
    assert_eq!(first(names(&mut asked("vip"), &[eth0()], &[])), "vip");
    let taken = [eth0(), link("vip", 7, Make::default(), [2; 6])];
    assert_eq!(first(names(&mut asked("vip"), &taken, &[])), "vrrp.51");
    // What an earlier run left is used; what the last configuration made gets the new name.
    let left = [eth0(), vmac("old", 1, 51)];
    assert_eq!(first(names(&mut asked("vip"), &left, &[])), "old");
    assert_eq!(first(names(&mut asked("vip"), &left, &["old"])), "vip");
}

#[test]
fn addresses_elsewhere_have_vmacs_if_they_are_to() {
    let addresses = [("10.0.0.100/24", "eth0"), ("10.1.0.100/24", "eth1"), ("10.1.0.101/24", "eth1")];
    let eth1 = || link("eth1", 3, Make::default(), [2, 0, 0, 0, 0, 3]);
    let mut one = [instance("V4", Family::V4, 51, &addresses)];
    one[0].excluded = vec![VirtualAddress::new("2001:db8::1/64".parse().unwrap(), "eth0")].into();
    let interfaces = |own: &str, elsewhere: &str, v6: &str| {
        let all = [own, elsewhere, elsewhere, v6].map(str::to_owned);
        vec![(own.to_owned(), all.to_vec())]
    };
    let there = [eth0(), eth1()];
    assert_eq!(names(&mut one.clone(), &there, &[]), interfaces("vrrp.51", "eth1", "eth0"));
    let mut each = one.clone();
    each[0].link.vmac_for_addresses = true;
    assert_eq!(names(&mut each, &there, &[]), interfaces("vrrp.51", "vrrp1.51", "vrrp6.51"));
    let mut single = one.clone();
    single[0].addresses[1].use_vmac = true;
    let all = names(&mut single, &there, &[]);
    assert_eq!(all[0].1, ["vrrp.51", "vrrp1.51", "eth1", "eth0"]);
    // Without one of its own, the adverts stay where they are.
    let mut alone = one;
    alone[0].link.vmac = None;
    alone[0].link.vmac_for_addresses = true;
    let all = names(&mut alone, &there, &[]);
    assert_eq!(
        all[0],
        (String::new(), ["eth0", "vrrp.51", "vrrp.51", "vrrp6.51"].map(str::to_owned).to_vec())
    );
}

#[test]
fn prefixes_are_those_that_are_configured() {
    let defaults = Defaults {
        vmac_prefix: "a_prefix_of_many".to_owned(),
        vmac_addr_prefix: Some("va".to_owned()),
        ..Defaults::default()
    };
    let former = HashMap::new();
    let mut names = Names::new(&defaults, [].iter(), &former, [].iter());
    let mut one = instance("V4", Family::V4, 251, &[("10.1.0.100/24", "eth1")]);
    one.link.vmac_for_addresses = true;
    let overlay = names.overlay(&mut one);
    assert_eq!(&*overlay.own.unwrap().name, "a_prefix_of.251", "as long as a name may be");
    assert_eq!(&*overlay.others[0].name, "va.251");
}

/// Of the other family, too: otherwise IPv6 is switched off there.
#[test]
fn an_address_may_name_the_vmac_as_its_device() {
    let defaults = Defaults::default();
    for (device, v6) in [("vrrp.51", true), ("eth0", false)] {
        let mut one = instance("V", Family::V4, 51, &[("10.0.0.51/24", "eth0")]);
        one.excluded = vec![VirtualAddress::new("2001:db8::51/64".parse().unwrap(), device)].into();
        let there = [eth0()];
        let mut names = Names::new(&defaults, there.iter(), EMPTY.get_or_init(HashMap::new), [].iter());
        let overlay = names.overlay(&mut one);
        assert_eq!(overlay.own.map(|own| (own.v4, own.v6)), Some((true, v6)), "{device}");
        assert_eq!((one.excluded[0].interface.as_str(), overlay.others.len()), (device, 0));
    }
}

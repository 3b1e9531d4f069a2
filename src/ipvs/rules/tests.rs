use super::*;
use crate::ipvs::names::Numeric;
use std::net::{IpAddr, Ipv4Addr};

fn parse(text: &str) -> Result<Rules, Vec<String>> {
    Rules::parse(text.as_bytes(), &Numeric).map_err(|m| m.iter().map(ToString::to_string).collect())
}

#[test]
fn a_table_with_its_lines() {
    let rules = parse(
        "# web\n-A -t 192.0.2.1:80 -s rr\n\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 2\n  # more\n\
         -A -f 5 -s wlc\n-a -f 5 -r 10.0.0.9:0 -g\n-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m",
    )
    .unwrap();
    let [(web, web_dests), (mark, mark_dests)] = &rules.table.services[..] else { panic!() };
    assert_eq!((web.scheduler.as_str(), web_dests.len()), ("rr", 2));
    assert_eq!((mark.scheduler.as_str(), mark_dests.len()), ("wlc", 1));
    let lines = rules.index();
    assert_eq!(lines.of(&Operation::AddService(web.clone())), Some(2));
    assert_eq!(lines.of(&Operation::EditService(mark.clone())), Some(6));
    assert_eq!(lines.of(&Operation::AddDest(web.key, web_dests[0])), Some(4));
    assert_eq!(lines.of(&Operation::EditDest(web.key, web_dests[1])), Some(8));
    let gone = DestKey { address: IpAddr::V4(Ipv4Addr::LOCALHOST), port: 1 };
    assert_eq!(lines.of(&Operation::DeleteDest(web.key, gone)), None);
    assert_eq!(parse(""), Ok(Rules::default()));
    let mut rules = rules;
    rules.retain(|key| matches!(key, ServiceKey::Fwmark { .. }));
    assert_eq!(rules.table.services.len(), 1);
    let (mark, _) = &rules.table.services[0];
    assert_eq!(rules.index().of(&Operation::AddService(mark.clone())), Some(6));
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let mistakes = parse(
        "-A -t 192.0.2.1:80 -s rr\n-A -t 192.0.2.1:80\n  -a -t 192.0.2.9:80 -r 10.0.0.1\n-C\n\
         -a -t 192.0.2.1:80 -r 10.0.0.1 -w -1\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -q\nfoo\n\
         -a -t 192.0.2.1:80 -r 10.0.0.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -w 2\n -A -s rr\n",
    )
    .unwrap_err();
    let places: Vec<&str> = mistakes.iter().map(|m| m.rsplit_once(": ").unwrap().0).collect();
    let expected = ["2:1", "3:3", "4:1", "5:35", "6:35", "7:1", "9:1", "10:2"];
    assert!(places.iter().zip(expected).all(|(p, e)| p.starts_with(e)), "{mistakes:#?}");
    assert_eq!(mistakes.len(), expected.len());
    assert!(mistakes[0].contains("stands in line 1 already"), "{}", mistakes[0]);
    assert!(mistakes[6].contains("stands in line 8 already"), "{}", mistakes[6]);
}

#[test]
fn columns_count_characters() {
    let mistakes = parse("-A -t 192.0.2.1:80 -s é -w x").unwrap_err();
    assert!(mistakes[0].starts_with("1:28: "), "{mistakes:?}");
}

use super::*;
use std::collections::BTreeSet;

#[test]
fn every_block_is_sorted_so_that_its_keywords_are_found() {
    for block in blocks() {
        assert!(block.keywords.is_sorted_by(|a, b| a.name < b.name), "{}", block.name);
        for keyword in block.keywords {
            assert_eq!(block.find(keyword.name).map(|k| k.name), Some(keyword.name));
        }
    }
    assert!(ROOT.find("router_id").is_none());
}

#[test]
fn what_is_read_says_what_it_does() {
    for block in blocks() {
        for keyword in block.keywords {
            assert!(!keyword.help.is_empty(), "{}", keyword.name);
            let first_optional = keyword.args.iter().position(|a| !a.required).unwrap_or(keyword.args.len());
            assert!(keyword.args[first_optional..].iter().all(|a| !a.required), "{}", keyword.name);
        }
    }
}

#[test]
fn old_keywords_have_no_release() {
    let since = |block: &str, name| {
        blocks().into_iter().find(|b| b.name == block).and_then(|b| b.find(name)).and_then(|k| k.since)
    };
    assert_eq!(since("vrrp_instance", "advert_int"), None);
    assert_eq!(since("HTTP_GET", "http_protocol"), Some("2.0.17"));
    let releases = blocks().into_iter().flat_map(|b| b.keywords).filter_map(|k| k.since);
    for release in releases {
        let numbers: Vec<u32> = release.split('.').map(|n| n.parse().unwrap()).collect();
        assert!(numbers.len() == 3 && numbers[0] == 2, "{release}");
    }
}

#[test]
fn a_synonym_stands_beside_what_it_means() {
    for block in blocks() {
        for keyword in block.keywords {
            let canonical = block.find(keyword.canonical());
            assert!(canonical.is_some_and(|k| k.synonym_of.is_none()), "{}", keyword.name);
        }
    }
}

#[test]
fn codes_are_unique_and_in_order() {
    let ids: Vec<&str> = crate::conf::diagnostic::codes::ALL.iter().map(|c| c.id).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    let summaries: BTreeSet<&str> = crate::conf::diagnostic::codes::ALL.iter().map(|c| c.summary).collect();
    assert_eq!(summaries.len(), ids.len());
}

#[test]
fn grammars_of_entries_are_sorted_and_say_what_their_options_do() {
    for grammar in iproute::grammars() {
        assert!(grammar.keywords.is_sorted_by(|a, b| a.name < b.name), "{}", grammar.name);
        for option in grammar.keywords {
            assert!(!option.help.is_empty(), "{}", option.name);
            let canonical = grammar.find(option.canonical());
            assert!(canonical.is_some_and(|k| k.synonym_of.is_none()), "{}", option.name);
        }
    }
}

//! What two blocks claim.

use super::*;

#[test]
fn a_group_that_is_left_out_says_for_which_entry() {
    let text = "virtual_server_group G {\n10.0.0.1-3 80\nfwmark 7\n}\n\
                virtual_server 10.0.0.2 80 {\nlvs_sched rr\nprotocol TCP\nreal_server 10.0.1.1 80 {\n}\n}\n\
                virtual_server group G {\nlvs_sched rr\nprotocol TCP\nreal_server 10.0.1.2 80 {\n}\n}\n";
    let loaded = load_text("test", text, &LoadOptions::default());
    let found = loaded.diagnostics.iter().find(|d| d.code.id == codes::DUPLICATE_VIRTUAL_SERVER.id).unwrap();
    assert!(
        found
            .message
            .contains("its entry TCP 10.0.0.2:80 is already defined; this one is left out, with its 3 other"),
        "{}",
        found.message
    );
    assert!(found.help.is_some());
    assert_eq!(loaded.config.unwrap().check.virtual_servers.len(), 1);
}

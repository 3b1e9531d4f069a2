//! `LDAP_CHECK` with Debian's slapd.

use super::{Check, halt, is_ready, last_says, watch};
use crate::support::{Host, Lab, Process, checked};
use std::fs;

const ENTRIES: &str = "dn: dc=example\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: example\n\n\
                       dn: cn=lb,dc=example\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: lb\n\
                       userPassword: sesame\n";

fn server(host: &Host) -> Process {
    let mut command = host.command("slapd");
    // In the foreground.
    command.arg("-f").arg(host.file("slapd.conf")).args(["-h", "ldap://127.0.0.1:389", "-d", "256"]);
    host.start("slapd", &mut command)
}

fn install(host: &Host) {
    let folder = host.file("directory");
    fs::create_dir(&folder).expect("make a folder");
    let config = format!(
        "include /etc/ldap/schema/core.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\npidfile {0}/pid\n\
         database mdb\nmaxsize 10485760\nsuffix dc=example\ndirectory {0}\n\
         access to attrs=userPassword by anonymous auth by * none\naccess to * by users read by anonymous auth\n",
        folder.display()
    );
    fs::write(host.file("slapd.conf"), config).expect("write a file");
    fs::write(host.file("entries"), ENTRIES).expect("write a file");
    let mut command = host.command("slapadd");
    checked(command.arg("-f").arg(host.file("slapd.conf")).arg("-l").arg(host.file("entries")));
}

pub(super) fn comes_and_goes(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    install(&host);
    let slapd = server(&host);
    is_ready(&slapd, "slapd starting");
    let user = "user cn=lb,dc=example\npassword sesame\nbase dc=example";
    let checks: [Check<'_>; 6] = [
        ("LDAP_CHECK", user, 389),
        ("LDAP_CHECK", "", 389),
        ("LDAP_CHECK", "base dc=example", 389),
        ("LDAP_CHECK", "user cn=lb,dc=example\npassword wrong", 389),
        ("LDAP_CHECK", "user cn=lb,dc=example\npassword sesame\nbase cn=nobody,dc=example", 389),
        ("LDAP_CHECK", "", 390),
    ];
    let director = watch(&host, &checks);
    for (server, words) in [
        (1, "success."),
        (2, "success."),
        (3, "the server answers the search with error 50: insufficientAccessRights"),
        (4, "the server answers the bind with error 49: invalidCredentials"),
        (5, "the server answers the search with error 32: noSuchObject"),
        (6, "Connection refused"),
    ] {
        last_says(&director, server, words);
    }
    halt(&slapd, true);
    last_says(&director, 1, "failed after 1 retries");
    halt(&slapd, false);
    last_says(&director, 1, "success.");
    slapd.kill_tree();
    last_says(&director, 1, "failed after 1 retries");
    let again = server(&host);
    last_says(&director, 1, "success.");
    director.terminate();
    assert!(again.log().contains("UNBIND"), "it hears that we leave: {}", again.log());
}

//! `vipd lsp`, as an editor has it: messages over the program's standard input and output.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// An editor.
struct Editor {
    server: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    requests: u32,
}

impl Editor {
    /// Starts the server, and shakes hands.
    fn start() -> Editor {
        let mut server = Command::new(env!("CARGO_BIN_EXE_vipd"))
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = server.stdin.take().unwrap();
        let output = BufReader::new(server.stdout.take().unwrap());
        let mut editor = Editor { server, input, output, requests: 0 };
        let snippets =
            json!({ "textDocument": { "completion": { "completionItem": { "snippetSupport": true } } } });
        let answer = editor.ask("initialize", json!({ "capabilities": snippets }));
        assert_eq!(answer["serverInfo"]["name"], "vipd");
        assert_eq!(answer["capabilities"]["textDocumentSync"], 2);
        editor.tell("initialized", json!({}));
        editor
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        self.input.flush().unwrap();
    }

    fn receive(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the server is gone");
            match line.trim_end().split_once(": ") {
                Some(("Content-Length", n)) => length = n.parse().unwrap(),
                Some(_) => {}
                None => break,
            }
        }
        let mut text = vec![0; length];
        self.output.read_exact(&mut text).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// The answer to a request; what the server says meanwhile is passed over.
    fn ask(&mut self, method: &str, params: Value) -> Value {
        let answer = self.ask_for_all(method, params);
        assert!(answer.get("error").is_none(), "{answer}");
        answer["result"].clone()
    }

    fn ask_for_all(&mut self, method: &str, params: Value) -> Value {
        self.requests += 1;
        let id = self.requests;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let message = self.receive();
            if message["id"] == id {
                return message;
            }
        }
    }

    /// The next findings of a file: each one's code, and line and character of its start and end.
    fn findings(&mut self, uri: &str) -> Vec<(String, [u64; 4])> {
        loop {
            let message = self.receive();
            if message["method"] == "textDocument/publishDiagnostics" && message["params"]["uri"] == uri {
                let list = message["params"]["diagnostics"].as_array().unwrap();
                return list
                    .iter()
                    .map(|d| (d["code"].as_str().unwrap().to_owned(), range(&d["range"])))
                    .collect();
            }
        }
    }

    fn open(&mut self, uri: &str, text: &str) {
        let document = json!({ "uri": uri, "languageId": "keepalived", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
    }

    fn change(&mut self, uri: &str, version: i32, changes: Value) {
        let document = json!({ "uri": uri, "version": version });
        self.tell("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
    }

    /// Asks about a place.
    fn ask_at(&mut self, method: &str, uri: &str, line: u32, character: u32) -> Value {
        let position = json!({ "line": line, "character": character });
        let context = json!({ "includeDeclaration": true, "triggerKind": 1 });
        self.ask(method, json!({ "textDocument": { "uri": uri }, "position": position, "context": context }))
    }

    /// Ends as an editor should; the server's exit status.
    fn exit(mut self) -> Option<i32> {
        self.ask("shutdown", Value::Null);
        self.tell("exit", Value::Null);
        self.server.wait().unwrap().code()
    }
}

fn range(range: &Value) -> [u64; 4] {
    [("start", "line"), ("start", "character"), ("end", "line"), ("end", "character")]
        .map(|(end, what)| range[end][what].as_u64().unwrap())
}

const URI: &str = "file:///nonexistent/keepalived.conf";
const TEXT: &str = "\
vrrp_instance VI_1 { # \u{1f600}
  interface eth0
  virtual_router_id 51
  prioritty 100
  virtual_ipaddress {
    10.0.0.1/24
  }
}
vrrp_sync_group G {
  group {
    VI_1
  }
}
";

#[test]
fn findings_follow_what_is_typed() {
    let mut editor = Editor::start();
    editor.open(URI, TEXT);
    let found = editor.findings(URI);
    assert!(found.contains(&("V0101".to_owned(), [3, 2, 3, 11])), "{found:?}");
    // One letter less, and an emoji before a mistake: characters count as UTF-16 does.
    let letter = json!({ "start": { "line": 3, "character": 8 }, "end": { "line": 3, "character": 9 } });
    let place = json!({ "start": { "line": 1, "character": 2 }, "end": { "line": 1, "character": 2 } });
    editor.change(
        URI,
        2,
        json!([{ "range": letter, "text": "" }, { "range": place, "text": "\u{1f600} x\n  " }]),
    );
    let found = editor.findings(URI);
    assert!(found.contains(&("V0101".to_owned(), [1, 2, 1, 4])), "{found:?}");
    assert!(found.iter().all(|(_, range)| range[0] != 4), "{found:?}");
    // The whole text anew, then closed: nothing is left.
    editor.change(URI, 3, json!([{ "text": "nonsense" }]));
    assert_eq!(editor.findings(URI), [("V0101".to_owned(), [0, 0, 0, 8])]);
    editor.tell("textDocument/didClose", json!({ "textDocument": { "uri": URI } }));
    assert_eq!(editor.findings(URI), []);
    assert_eq!(editor.exit(), Some(0));
}

#[test]
fn an_editor_gets_its_answers() {
    let mut editor = Editor::start();
    editor.open(URI, TEXT);
    let hover = editor.ask_at("textDocument/hover", URI, 2, 5);
    assert!(hover["contents"]["value"].as_str().unwrap().contains("1 to 255"), "{hover}");
    let items = editor.ask_at("textDocument/completion", URI, 3, 5);
    let priority = items.as_array().unwrap().iter().find(|i| i["label"] == "priority").unwrap();
    assert_eq!(priority["textEdit"]["newText"], "priority ${1:PRIORITY}");
    let definition = editor.ask_at("textDocument/definition", URI, 10, 5);
    assert_eq!(range(&definition[0]["range"]), [0, 14, 0, 18]);
    let references = editor.ask_at("textDocument/references", URI, 0, 15);
    assert_eq!(references.as_array().unwrap().len(), 2);
    let symbols = editor.ask("textDocument/documentSymbol", json!({ "textDocument": { "uri": URI } }));
    assert_eq!(symbols[0]["name"], "vrrp_instance VI_1");
    assert_eq!(symbols[0]["children"][0]["name"], "virtual_ipaddress");
    let here = json!({ "start": { "line": 3, "character": 2 }, "end": { "line": 3, "character": 2 } });
    let actions = editor.ask(
        "textDocument/codeAction",
        json!({ "textDocument": { "uri": URI }, "range": here, "context": { "diagnostics": [] } }),
    );
    assert_eq!(actions[0]["edit"]["changes"][URI][0]["newText"], "priority");
    let options = json!({ "tabSize": 4, "insertSpaces": true });
    let edits =
        editor.ask("textDocument/formatting", json!({ "textDocument": { "uri": URI }, "options": options }));
    let formatted = edits[0]["newText"].as_str().unwrap();
    assert!(formatted.contains("\n    virtual_ipaddress {\n        10.0.0.1/24\n"), "{formatted}");
    assert_eq!(range(&edits[0]["range"]), [0, 0, 13, 0]);
    assert_eq!(editor.exit(), Some(0));
}

#[test]
fn what_is_not_served_is_refused_and_an_editor_that_leaves_is_noticed() {
    let mut editor = Editor::start();
    assert_eq!(editor.ask_for_all("textDocument/moniker", json!({}))["error"]["code"], -32601);
    assert_eq!(editor.ask_for_all("textDocument/hover", json!({ "no": 1 }))["error"]["code"], -32602);
    // Of a document that is not open there is nothing to say.
    assert_eq!(editor.ask_at("textDocument/hover", URI, 0, 0), Value::Null);
    let Editor { mut server, input, output, .. } = editor;
    drop(input);
    assert_eq!(server.wait().unwrap().code(), Some(1));
    drop(output);
}

#[test]
fn what_is_included_is_served_too() {
    let dir = tempfile::tempdir().unwrap();
    let uri = |name: &str| format!("file://{}", dir.path().join(name).display());
    let write = |name: &str, text: &str| std::fs::write(Path::new(dir.path()).join(name), text).unwrap();
    write("part.conf", "vrrp_script chk {\n  script /bin/true\n  nonsense\n}\n");
    let mut editor = Editor::start();
    let main = uri("keepalived.conf");
    editor.open(&main, "include part.conf\nvrrp_instance A {\n  track_script {\n    chk\n  }\n}\n");
    // What is wrong in it is said of it, and taken back when it is not included any more.
    let found = editor.findings(&uri("part.conf"));
    assert!(found.contains(&("V0101".to_owned(), [2, 2, 2, 10])), "{found:?}");
    assert_eq!(editor.ask_at("textDocument/definition", &main, 0, 10)["uri"], uri("part.conf"));
    let definition = editor.ask_at("textDocument/definition", &main, 3, 5);
    assert_eq!(definition[0]["uri"], uri("part.conf"));
    assert_eq!(range(&definition[0]["range"]), [0, 12, 0, 15]);
    // A file that is not open lends its names; a pattern leads to all that it matches.
    let items = editor.ask_at("textDocument/completion", &main, 3, 5);
    assert_eq!(items.as_array().unwrap().iter().map(|i| &i["label"]).collect::<Vec<_>>(), ["chk"]);
    editor.change(&main, 2, json!([{ "text": "\n" }]));
    assert_eq!(editor.findings(&uri("part.conf")), []);
    write("b1.conf", "vrrp_script one {\n  script /bin/true\n}\n");
    write("b2.conf", "vrrp_script two {\n  script /bin/true\n}\n");
    write("other.conf", "");
    for pattern in ["b*.conf", "b{1,2}.conf # both"] {
        let text = format!("include {pattern}\nvrrp_instance A {{\n  track_script {{\n    \n  }}\n}}\n");
        editor.change(&main, 3, json!([{ "text": text }]));
        let found = editor.ask_at("textDocument/definition", &main, 0, 10);
        let found: Vec<_> = found.as_array().unwrap().iter().map(|l| l["uri"].as_str().unwrap()).collect();
        assert_eq!(found, [uri("b1.conf"), uri("b2.conf")], "{pattern}");
        let items = editor.ask_at("textDocument/completion", &main, 3, 4);
        let labels: Vec<_> = items.as_array().unwrap().iter().map(|i| &i["label"]).collect();
        assert_eq!(labels, ["one", "two"], "{pattern}");
    }
    assert_eq!(editor.exit(), Some(0));
}

#[test]
fn what_is_no_message_costs_an_answer_and_not_the_server() {
    let mut editor = Editor::start();
    for bad in ["{no json", "[]", "7", ""] {
        write!(editor.input, "Content-Length: {}\r\n\r\n{bad}", bad.len()).unwrap();
        let answer = editor.receive();
        assert!(answer["id"].is_null() && answer["error"]["code"].as_i64().unwrap() < 0, "{bad}: {answer}");
    }
    write!(editor.input, "Content-Type: text\r\n\r\n").unwrap();
    assert_eq!(editor.receive()["error"]["code"], -32600);
    // Requests are served as before, and a second beginning is none.
    editor.open(URI, TEXT);
    assert!(editor.ask_at("textDocument/hover", URI, 2, 5)["contents"]["value"].is_string());
    assert_eq!(editor.ask_for_all("initialize", json!({}))["error"]["code"], -32601);
    assert_eq!(editor.exit(), Some(0));
}

#[test]
fn a_length_that_no_machine_has_ends_nothing_but_its_own_message() {
    let mut editor = Editor::start();
    write!(editor.input, "Content-Length: 9999999999999\r\n\r\n{{}}").unwrap();
    let Editor { mut server, input, .. } = editor;
    drop(input);
    assert_eq!(server.wait().unwrap().code(), Some(1), "the editor is gone: no abort");
}

//! The lines of README and of the getting-started guide answer as printed there.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod common;

use std::collections::BTreeMap;

use common::{Answer, Serving, ask, folder, serve};

const README: &str = include_str!("../../../README.md");
const GUIDE: &str = include_str!("../../../docs/guide/getting-started.md");

#[test]
fn the_curl_lines_answer_as_printed() {
    let (_folder, data) = folder();
    let stand = serve(&data, &[]);
    let mut shell = Shell::new(&stand);
    let compared = shell.run(README) + shell.run(GUIDE);
    // A document whose blocks are not recognised must not pass.
    assert!(compared >= 15, "only {compared} answers were compared");
    assert_eq!(stand.stop().0, Some(0));
}

/// Just enough of a shell for the lines of the documents.
struct Shell<'a> {
    stand: &'a Serving,
    variables: BTreeMap<String, String>,
}

impl<'a> Shell<'a> {
    fn new(stand: &'a Serving) -> Self {
        Self { stand, variables: BTreeMap::new() }
    }

    /// Runs the `sh` blocks in order, and compares with the blocks of answers after each.
    fn run(&mut self, document: &str) -> usize {
        let mut answers: Vec<Answer> = Vec::new();
        let mut compared = 0;
        for (language, text) in blocks(document) {
            match language {
                // What needs cargo is another test's.
                "sh" if !text.contains("cargo ") => {
                    answers = self.script(&text);
                    answers.reverse();
                }
                "sh" => answers.clear(),
                "text" | "json" | "xml" => {
                    if let Some(answer) = answers.pop() {
                        compare(&answer, &text);
                        compared += 1;
                    }
                }
                _ => {}
            }
        }
        compared
    }

    fn script(&mut self, text: &str) -> Vec<Answer> {
        let commands = self.commands(text);
        commands.iter().map(|words| self.curl(words)).collect()
    }

    /// Remembers an assignment. The stand of this test has a port of its own.
    fn is_assignment(&mut self, words: &[String]) -> bool {
        let [word] = words else { return false };
        let Some((name, value)) = word.split_once('=') else { return false };
        let ours = |port: u16| format!("http://127.0.0.1:{port}");
        let value = match name {
            "TILL" => ours(self.stand.till),
            "REGISTER" => ours(self.stand.register),
            "TERMINAL" => ours(self.stand.terminal),
            "PROCESSING" => ours(self.stand.page + common::PROCESSING_STEP),
            _ => value.to_owned(),
        };
        self.variables.insert(name.to_owned(), value);
        true
    }

    fn curl(&self, words: &[String]) -> Answer {
        let (mut method, mut url, mut body) = (None, None, None);
        let mut headers = Vec::new();
        let mut words = words.split(|word| word == "|");
        let (curl, pipe) = (words.next().unwrap(), words.next());
        let mut words = curl.iter();
        assert_eq!(words.next().map(String::as_str), Some("curl"));
        while let Some(word) = words.next() {
            match word.as_str() {
                "-s" | "-i" => {}
                "-X" => method = words.next().cloned(),
                "-H" => headers.push(words.next().unwrap().as_str()),
                "-d" => body = words.next().cloned(),
                _ => assert!(url.replace(word.clone()).is_none(), "{word}"),
            }
        }
        let url = url.unwrap();
        let (port, path) = url.strip_prefix("http://127.0.0.1:").unwrap().split_once('/').unwrap();
        let method = method.unwrap_or_else(|| {
            let sends = body.is_some();
            if sends { "POST" } else { "GET" }.to_owned()
        });
        let path = format!("/{path}");
        let port = port.parse().unwrap();
        let mut answer = ask(port, &method, &path, &headers, &body.unwrap_or_default());
        if let Some(pipe) = pipe {
            assert_eq!(pipe.join(" "), "iconv -f windows-1251");
            let (text, .., wrong) = encoding_rs::WINDOWS_1251.decode(&answer.bytes);
            assert!(!wrong, "no windows-1251");
            answer.body = text.into_owned();
        }
        answer
    }

    /// Words of commands, with quotes and variables resolved as a shell would.
    fn commands(&mut self, text: &str) -> Vec<Vec<String>> {
        let mut commands = Vec::new();
        let mut words: Vec<String> = Vec::new();
        let mut word: Option<String> = None;
        let mut rest = text.chars().peekable();
        let mut double = false;
        while let Some(c) = rest.next() {
            match c {
                '\'' if !double => {
                    let quoted: String = rest.by_ref().take_while(|c| *c != '\'').collect();
                    word.get_or_insert_default().push_str(&quoted);
                }
                '"' => {
                    double = !double;
                    word.get_or_insert_default();
                }
                '$' => {
                    let mut name = String::new();
                    while let Some(c) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                        name.push(c);
                    }
                    let value = &self.variables[&name];
                    word.get_or_insert_default().push_str(value);
                }
                '\\' if !double => assert_eq!(rest.next(), Some('\n'), "an unknown escape"),
                '\n' if !double => {
                    words.extend(word.take());
                    if !words.is_empty() && !self.is_assignment(&words) {
                        commands.push(std::mem::take(&mut words));
                    }
                    words.clear();
                }
                ' ' if !double => words.extend(word.take()),
                c => word.get_or_insert_default().push(c),
            }
        }
        commands
    }
}

/// Language and text of the fenced blocks.
fn blocks(document: &str) -> Vec<(&str, String)> {
    let mut blocks = Vec::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else { continue };
        let text = lines.by_ref().take_while(|line| !line.starts_with("```"));
        blocks.push((language, text.map(|line| format!("{line}\n")).collect()));
    }
    blocks
}

/// An answer with `-i` has a status line and headers, of which only the date may differ.
fn compare(answer: &Answer, printed: &str) {
    let Some(rest) = printed.strip_prefix("HTTP/1.1 ") else {
        return assert_eq!(answer.body, printed.trim_end());
    };
    let (head, body) = rest.split_once("\n\n").unwrap_or((rest, ""));
    let mut lines = head.lines();
    let status = lines.next().unwrap();
    assert_eq!(answer.status, format!("HTTP/1.1 {status}"));
    assert_eq!(answer.body, body.trim_end());
    let dated = |line: &&str| line.starts_with("date: ");
    let printed: Vec<_> = lines.filter(|line| !dated(line)).collect();
    let came: Vec<_> = answer.headers.iter().map(String::as_str).collect();
    assert_eq!(came.into_iter().filter(|line| !dated(line)).collect::<Vec<_>>(), printed);
}

//! `understudy show`: asks a running unit and prints the answer.

use std::io::{self, Write};

use appliance::management::Client;
use appliance::management::protocol::{ConnectionQuery, Outcome, PAGE_CONNECTIONS, Response, Show, VERSION};
use appliance::management::report::ConnectionPage;

use crate::arguments::ShowArguments;
use crate::table::{Table, terminal_width};
use crate::{Failure, pair, socket, tables, text, who_is_active};

/// Carries out the command.
pub(crate) fn show(arguments: &ShowArguments) -> Result<(), Failure> {
    let mut client = socket::connect(arguments.way.socket.as_deref())?;
    let mut output = io::stdout().lock();
    match arguments.subject.request() {
        Show::Connections(query) if arguments.way.json => {
            list(&mut client, query, &mut JsonList::new(&mut output))
        }
        Show::Connections(query) => list(&mut client, query, &mut TableList::new(&mut output)),
        request => {
            let outcome = client.show(request)?;
            let answer = if arguments.way.json { json(outcome)? } else { tables_of(&outcome) };
            Ok(output.write_all(answer.as_bytes())?)
        }
    }
}

fn json(outcome: Outcome) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&Response::new(outcome)).map(|text| text + "\n")
}

fn tables_of(outcome: &Outcome) -> String {
    let room = terminal_width();
    match outcome {
        Outcome::Status(report) => tables::status(report, room),
        Outcome::Virtual(reports) => tables::virtual_servers(reports, room),
        Outcome::Real(reports) => tables::real_servers(reports, room),
        Outcome::Counters(report) => tables::counters(report, room),
        Outcome::Ports(reports) => tables::ports(reports, room),
        Outcome::Neighbors(reports) => tables::neighbors(reports, room),
        Outcome::Replication(report) => pair::replication(report, room),
        Outcome::Failover(report) => who_is_active::failover(report, room),
        // A list of connections comes in pages, nothing was commanded, and an error is none of the client's outcomes.
        _ => String::new(),
    }
}

/// Something that pages of connections are written to, so that a list of any length needs the memory of one page.
trait PageWriter {
    fn page(&mut self, page: &ConnectionPage) -> io::Result<()>;
    /// After the last page, which says whether there are more connections.
    fn end(&mut self, last: &ConnectionPage) -> io::Result<()>;
}

/// Asks for page after page until there are `query.limit` connections, or no more.
fn list(
    client: &mut Client,
    mut query: ConnectionQuery,
    writer: &mut impl PageWriter,
) -> Result<(), Failure> {
    let mut left = query.limit;
    loop {
        query.limit = left.min(PAGE_CONNECTIONS);
        let Outcome::Connections(page) = client.show(Show::Connections(query.clone()))? else {
            return Err("the unit answered something else than it was asked".into());
        };
        writer.page(&page)?;
        left = left.saturating_sub(page.list.len());
        if left == 0 || page.after.is_none() {
            return Ok(writer.end(&page)?);
        }
        query.after = page.after;
    }
}

/// One JSON document, a line for each connection.
struct JsonList<'a, W> {
    output: &'a mut W,
    is_empty: bool,
}

impl<'a, W: Write> JsonList<'a, W> {
    const fn new(output: &'a mut W) -> Self {
        Self { output, is_empty: true }
    }
}

impl<W: Write> PageWriter for JsonList<'_, W> {
    fn page(&mut self, page: &ConnectionPage) -> io::Result<()> {
        // Written at once: standard output would be flushed after each line.
        let mut text = Vec::new();
        for connection in &page.list {
            if self.is_empty {
                self.is_empty = false;
                text.extend(json_head().bytes());
            } else {
                text.extend(b",\n");
            }
            serde_json::to_writer(&mut text, connection)?;
        }
        self.output.write_all(&text)
    }

    fn end(&mut self, last: &ConnectionPage) -> io::Result<()> {
        if self.is_empty {
            write!(self.output, "{}", json_head())?;
        } else {
            writeln!(self.output)?;
        }
        let after = serde_json::to_string(&last.after)?;
        writeln!(self.output, "],\"after\":{after}}}}}")
    }
}

fn json_head() -> String {
    format!("{{\"version\":{VERSION},\"connections\":{{\"list\":[\n")
}

/// One table, and a word about what it does not show.
struct TableList<'a, W> {
    output: &'a mut W,
    table: Table,
    connections: usize,
}

impl<'a, W: Write> TableList<'a, W> {
    fn new(output: &'a mut W) -> Self {
        Self { output, table: tables::connections(), connections: 0 }
    }
}

impl<W: Write> PageWriter for TableList<'_, W> {
    fn page(&mut self, page: &ConnectionPage) -> io::Result<()> {
        if page.list.is_empty() {
            return Ok(());
        }
        tables::add_connections(&mut self.table, &page.list);
        self.output.write_all(self.table.render(terminal_width()).as_bytes())?;
        self.table = self.table.continued();
        self.connections += page.list.len();
        Ok(())
    }

    fn end(&mut self, last: &ConnectionPage) -> io::Result<()> {
        match &last.after {
            Some(after) => {
                let shown = text::count(self.connections, "connection");
                writeln!(
                    self.output,
                    "{shown} shown, there are more: --limit N for more at once, --after {after} to go on"
                )
            }
            None if self.connections == 0 => writeln!(self.output, "no connections"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use appliance::management::report::ConnectionReport;

    fn page(ports: std::ops::Range<u16>, after: Option<&str>) -> ConnectionPage {
        let connection = |port: u16| ConnectionReport {
            protocol: "tcp".to_owned(),
            client: ([198, 51, 100, 7], port).into(),
            virtual_server: ([192, 0, 2, 100], 80).into(),
            real_server: ([10, 1, 0, 11], 80).into(),
            state: "established".to_owned(),
            idle_ms: 0,
            syn_resends: 0,
            translated_port: None,
            worker: 0,
        };
        ConnectionPage {
            list: ports.map(connection).collect(),
            after: after.map(|after| after.parse().unwrap()),
        }
    }

    fn written(pages: &[ConnectionPage], as_json: bool) -> String {
        let mut output = Vec::new();
        {
            let mut writer: Box<dyn PageWriter> = if as_json {
                Box::new(JsonList::new(&mut output))
            } else {
                Box::new(TableList::new(&mut output))
            };
            for page in pages {
                writer.page(page).unwrap();
            }
            writer.end(pages.last().unwrap()).unwrap();
        }
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn pages_become_one_json_document() {
        let cases: [(&[ConnectionPage], usize, Option<&str>); 3] = [
            (&[page(0..0, None)], 0, None),
            (&[page(1..3, Some("0.4.8")), page(3..6, None)], 5, None),
            (&[page(0..0, Some("0.4.8")), page(3..4, Some("0.4.9"))], 1, Some("0.4.9")),
        ];
        for (pages, connections, after) in cases {
            let text = written(pages, true);
            let Response { version, outcome } = serde_json::from_str(&text).unwrap();
            let Outcome::Connections(all) = outcome else { panic!("{text}") };
            assert_eq!((version, all.list.len()), (VERSION, connections));
            assert_eq!(all.after.map(|after| after.to_string()).as_deref(), after);
            assert_eq!(text.lines().count(), connections + 2, "{text}");
        }
    }

    #[test]
    fn table_says_how_to_go_on() {
        let text = written(&[page(0..0, Some("0.4.8")), page(1..3, Some("0.4.9"))], false);
        let last = "2 connections shown, there are more: --limit N for more at once, --after 0.4.9 to go on";
        assert_eq!((text.lines().count(), text.lines().last()), (4, Some(last)), "{text}");
        assert_eq!(written(&[page(0..0, None)], false), "no connections\n");
        assert_eq!(written(&[page(1..2, None)], false).lines().count(), 2);
    }
}

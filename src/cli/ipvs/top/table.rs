//! The rows of the view: what two readings say of each service and server, in which order, and which of them show.

use crate::ipvs::model::{Dest, DestEntry, DestKey, ServiceEntry, ServiceKey};
use crate::ipvs::rates::{Change, ObservedService, Rates};
use std::cmp::Ordering;
use std::collections::HashSet;

/// What a service's or a server's row shows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Figures {
    /// Of a service: the sum of its servers' weights.
    pub(super) weight: u64,
    pub(super) active: u64,
    pub(super) inactive: u64,
    pub(super) rates: Rates,
}

#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) key: ServiceKey,
    pub(super) scheduler: String,
    pub(super) figures: Figures,
    pub(super) servers: Vec<Server>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Server {
    pub(super) dest: Dest,
    pub(super) figures: Figures,
}

/// What rows are sorted by: services among each other, and the servers within each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Name,
    Weight,
    Active,
    Inactive,
    Conns,
    InPackets,
    OutPackets,
    InBytes,
    OutBytes,
}

impl Sort {
    pub(super) const ALL: [Sort; 9] = [
        Sort::Name,
        Sort::Weight,
        Sort::Active,
        Sort::Inactive,
        Sort::Conns,
        Sort::InPackets,
        Sort::OutPackets,
        Sort::InBytes,
        Sort::OutBytes,
    ];

    /// ipvsadm's word for the column.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Sort::Name => "Name",
            Sort::Weight => "Weight",
            Sort::Active => "Active",
            Sort::Inactive => "InAct",
            Sort::Conns => "CPS",
            Sort::InPackets => "InPPS",
            Sort::OutPackets => "OutPPS",
            Sort::InBytes => "InBPS",
            Sort::OutBytes => "OutBPS",
        }
    }

    /// The value that the column shows; that of a name is its place.
    pub(super) fn value(self, figures: &Figures) -> f64 {
        match self {
            Sort::Name => 0.0,
            Sort::Weight => figures.weight as f64,
            Sort::Active => figures.active as f64,
            Sort::Inactive => figures.inactive as f64,
            Sort::Conns => figures.rates.cps,
            Sort::InPackets => figures.rates.inpps,
            Sort::OutPackets => figures.rates.outpps,
            Sort::InBytes => figures.rates.inbps,
            Sort::OutBytes => figures.rates.outbps,
        }
    }

    /// Names ascend; of figures the largest come first.
    fn compare<K: Ord>(self, reversed: bool, a: (K, &Figures), b: (K, &Figures)) -> Ordering {
        let by_name = a.0.cmp(&b.0);
        let order = match self {
            Sort::Name => by_name,
            _ => self.value(b.1).total_cmp(&self.value(a.1)),
        };
        // What is equal stays in the order of names in either direction: rows do not jump about.
        if reversed { order.reverse() } else { order }.then(by_name)
    }
}

/// Which services show their servers.
#[derive(Clone, Debug, Default)]
pub(super) struct Folds {
    /// All but the exceptions are folded.
    all: bool,
    except: HashSet<ServiceKey>,
}

impl Folds {
    pub(super) fn is_folded(&self, key: &ServiceKey) -> bool {
        self.all != self.except.contains(key)
    }

    pub(super) fn set(&mut self, key: ServiceKey, folded: bool) {
        if folded == self.all {
            self.except.remove(&key);
        } else {
            self.except.insert(key);
        }
    }

    /// Folds all, also those that come later; or unfolds all if that has been done.
    pub(super) fn toggle_all(&mut self) {
        *self = Folds { all: !self.all || !self.except.is_empty(), except: HashSet::new() };
    }
}

/// A row that shows: a service, or the server of that index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) service: usize,
    pub(super) server: Option<usize>,
}

/// All services with their servers, and the rows that show.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) services: Vec<Service>,
    pub(super) rows: Vec<Row>,
    pub(super) servers: usize,
    /// Of all services.
    pub(super) total: Figures,
    /// Columns of the longest name.
    pub(super) longest_name: usize,
}

impl Table {
    /// What is there, with the kernel's own rates where others are not known yet.
    pub(super) fn new(observed: &[ObservedService<'_>]) -> Table {
        let mut table = Table::default();
        for observed in observed {
            if observed.service.change == Change::Gone {
                continue;
            }
            let entry: &ServiceEntry = observed.service.entry;
            let rates = observed.service.rates.unwrap_or_else(|| Rates::of_kernel(&entry.stats));
            let mut figures = Figures { rates, ..Figures::default() };
            let mut servers = Vec::with_capacity(observed.dests.len());
            for dest in observed.dests.iter().filter(|dest| dest.change != Change::Gone) {
                let server = Server::new(dest.entry, dest.rates);
                figures.add(&Figures { rates: Rates::default(), ..server.figures });
                table.longest_name = table.longest_name.max(server.name().len());
                servers.push(server);
            }
            let service = Service {
                key: entry.service.key,
                scheduler: entry.service.scheduler.clone(),
                figures,
                servers,
            };
            table.longest_name = table.longest_name.max(service.name().len());
            table.servers += service.servers.len();
            table.total.add(&figures);
            table.services.push(service);
        }
        table
    }

    /// Sorts, and chooses the rows that show.
    pub(super) fn arrange(&mut self, sort: Sort, reversed: bool, folds: &Folds, filter: &str) {
        self.services.sort_by(|a, b| sort.compare(reversed, (&a.key, &a.figures), (&b.key, &b.figures)));
        for service in &mut self.services {
            service
                .servers
                .sort_by(|a, b| sort.compare(reversed, (&a.dest.key, &a.figures), (&b.dest.key, &b.figures)));
        }
        self.rows.clear();
        let words: Vec<String> = filter.split_whitespace().map(str::to_lowercase).collect();
        for (index, service) in self.services.iter().enumerate() {
            let matches = |name: &str| {
                let name = name.to_lowercase();
                words.iter().all(|word| name.contains(word))
            };
            let whole = words.is_empty() || matches(&service.text());
            let folded = whole && folds.is_folded(&service.key);
            let shown = |server: &Server| !folded && (whole || matches(&server.text(service)));
            let first = self.rows.len();
            let servers = service.servers.iter().enumerate().filter(|(_, server)| shown(server));
            self.rows.extend(servers.map(|(server, _)| Row { service: index, server: Some(server) }));
            if whole || self.rows.len() > first {
                self.rows.insert(first, Row { service: index, server: None });
            }
        }
    }

    pub(super) fn service(&self, row: Row) -> Option<&Service> {
        self.services.get(row.service)
    }

    pub(super) fn server(&self, row: Row) -> Option<&Server> {
        self.service(row)?.servers.get(row.server?)
    }

    /// What identifies a row, wherever it moves.
    pub(super) fn id(&self, row: Row) -> Option<(ServiceKey, Option<DestKey>)> {
        let service = self.service(row)?;
        Some((service.key, self.server(row).map(|server| server.dest.key)))
    }
}

impl Figures {
    fn add(&mut self, other: &Figures) {
        self.weight += other.weight;
        self.active += other.active;
        self.inactive += other.inactive;
        self.rates.cps += other.rates.cps;
        self.rates.inpps += other.rates.inpps;
        self.rates.outpps += other.rates.outpps;
        self.rates.inbps += other.rates.inbps;
        self.rates.outbps += other.rates.outbps;
    }
}

impl Service {
    pub(super) fn name(&self) -> String {
        self.key.to_string()
    }

    /// What a filter looks at.
    fn text(&self) -> String {
        format!("{} {}", self.key, self.scheduler)
    }
}

impl Server {
    fn new(entry: &DestEntry, rates: Option<Rates>) -> Server {
        let figures = Figures {
            weight: entry.dest.weight.into(),
            active: entry.active_conns.into(),
            inactive: entry.inactive_conns.into(),
            rates: rates.unwrap_or_else(|| Rates::of_kernel(&entry.stats)),
        };
        Server { dest: entry.dest, figures }
    }

    pub(super) fn name(&self) -> String {
        self.dest.key.to_string()
    }

    /// What a filter looks at: words may be of the service and of the server.
    fn text(&self, service: &Service) -> String {
        format!("{} {} {}", service.text(), self.name(), self.dest.forward.name())
    }
}

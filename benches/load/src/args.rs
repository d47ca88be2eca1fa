//! The command line: what it offers, and what `--help` teaches.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Parser, Subcommand, ValueEnum};

use crate::address::HostPort;
use crate::course::{Bound, Pace};
use crate::error::{Error, Result};
use crate::load::Plan;
use crate::target::{Target, Trust};
use crate::values;
use crate::work::Work;

/// What an IPv4 datagram holds besides its headers (RFC 768, RFC 791).
const MOST_DATAGRAM_BYTES: usize = 65_507;

const EXAMPLES: &str = "\
Examples, against the raw server of this program in another terminal:
  cafeloop-load raw --tcp 127.0.0.1:8000
  cafeloop-load echo --tcp 127.0.0.1:8000
                              50 connections for 5 seconds: each sends 1 KiB, waits
                              until it has come back, and sends the next
  cafeloop-load echo --tcp 127.0.0.1:8000 --connections 1000 --bytes 64 --requests 100000
  cafeloop-load echo --tcp 127.0.0.1:8000 --rate 20000
                              20000 requests a second, come what may: a server that
                              falls behind has the wait in its latency
  cafeloop-load churn --tcp 127.0.0.1:8000 --seconds 1
                              A connection for each request
  cafeloop-load echo --tcp 127.0.0.1:8000 --pid 4711 --json
                              With the CPU time that process 4711 used, as JSON
and against others:
  cafeloop-load echo --udp 127.0.0.1:8000
  cafeloop-load echo --tls localhost:8443 --ca certificate.pem
  cafeloop-load http --tcp 127.0.0.1:8080 --path /hello --body \"Hello, World!\"
  cafeloop-load upload --unix /run/sink.sock --bytes 64MiB --connections 4

A run opens its connections, with one request on each; warms up; waits until all is
answered; and measures, until all is answered again. So the server is idle at both
ends, and the figures are those of the requests in between.

With --json it prints one line:
  {\"requests\": answered, \"seconds\": measured, \"bytes\": of their messages,
   \"errors\": {name: count}, \"latency_us\": {\"p50\", \"p90\", \"p99\", \"p999\", \"max\"},
   \"server_cpu_ns\": with --pid, \"ending\": \"as planned\", \"interrupted\", \"server lost\"}

Exit codes: 0 if every request had its right answer, 1 if one had not or the server
went away, 2 if an argument is wrong, 130 if Ctrl-C ended the run, which is reported
up to there.";

/// Put a load on a server, and say what it bears.
///
/// One thread keeps many connections busy and checks that what comes back is what
/// was sent.
#[derive(Debug, Parser)]
#[command(name = "cafeloop-load", version, after_long_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send messages that must come back
    Echo(Echo),
    /// Ask for a page over HTTP/1.1, on connections that are kept alive
    Http(Http),
    /// Stream in: send bytes as fast as the server takes them
    ///
    /// A request is a length of 8 bytes, the first the most significant, and so many
    /// bytes; the server answers with how many have arrived, in 8 bytes.
    Upload(Transfer),
    /// Stream out: take bytes as fast as the server sends them
    ///
    /// A request is a length of 8 bytes, the first the most significant; the server
    /// answers with so many bytes: 0 to 250, again and again.
    Download(Transfer),
    /// Connect, send one message that must come back, and close, again and again
    Churn(Churn),
    /// Be a server: plain epoll, one thread, no more than must be
    ///
    /// It reads and writes at once, and keeps nothing but what the kernel doesn't
    /// take: the limit for whatever a language puts on top. It prints one line,
    /// "listening on ADDRESS", and serves until it is killed.
    Raw(Raw),
}

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("target").required(true))]
struct Echo {
    #[command(flatten)]
    target: StreamTarget,

    /// A server of UDP datagrams, each of which is a message
    #[arg(long, value_name = "HOST:PORT", group = "target", conflicts_with_all = ["ca", "insecure"])]
    udp: Option<HostPort>,

    #[command(flatten)]
    message: Message,

    #[command(flatten)]
    load: Load,
}

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("target").required(true))]
struct Churn {
    #[command(flatten)]
    target: StreamTarget,

    #[command(flatten)]
    message: Message,

    #[command(flatten)]
    load: Load,
}

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("target").required(true))]
struct Http {
    #[command(flatten)]
    target: StreamTarget,

    /// The path to ask for
    #[arg(long, default_value = "/", value_parser = values::path)]
    path: String,

    /// What every response must hold [default: what the first one held]
    #[arg(long, value_name = "TEXT")]
    body: Option<String>,

    #[command(flatten)]
    load: Load,
}

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("target").required(true))]
struct Transfer {
    #[command(flatten)]
    target: StreamTarget,

    /// How much one request transfers
    #[arg(long, value_name = "N", default_value = "16MiB", value_parser = values::transfer_bytes)]
    bytes: usize,

    #[command(flatten)]
    load: Load,
}

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("target").required(true).args(["tcp", "unix", "udp"]))]
struct Raw {
    /// Listen here; port 0 is any that is free
    #[arg(long, value_name = "HOST:PORT")]
    tcp: Option<HostPort>,

    /// Listen here; the path must not exist
    #[arg(long, value_name = "PATH")]
    unix: Option<PathBuf>,

    /// Take datagrams here, and send them back
    #[arg(long, value_name = "HOST:PORT")]
    udp: Option<HostPort>,

    /// What to answer
    #[arg(long, value_enum, default_value_t = Service::Echo, conflicts_with = "udp")]
    service: Service,
}

/// What the raw server answers.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Service {
    /// What was sent
    Echo,
    /// To each GET, "Hello, World!"
    Http,
    /// How many bytes have arrived
    Upload,
    /// As many bytes as were asked for
    Download,
}

#[derive(Debug, clap::Args)]
struct StreamTarget {
    /// A server over TCP
    #[arg(long, value_name = "HOST:PORT", group = "target")]
    tcp: Option<HostPort>,

    /// A server over a Unix socket
    #[arg(long, value_name = "PATH", group = "target")]
    unix: Option<PathBuf>,

    /// A server over TLS; --ca or --insecure says whom to believe
    #[arg(long, value_name = "HOST:PORT", group = "target", requires = "trust")]
    tls: Option<HostPort>,

    /// Believe a server that the certificates in this PEM file vouch for
    #[arg(long, value_name = "FILE", group = "trust", requires = "tls", conflicts_with_all = ["tcp", "unix"])]
    ca: Option<PathBuf>,

    /// Believe any server
    #[arg(long, group = "trust", requires = "tls", conflicts_with_all = ["tcp", "unix"])]
    insecure: bool,
}

#[derive(Debug, clap::Args)]
struct Message {
    /// How long a message is; 64, 1KiB, 2MiB
    #[arg(long, value_name = "N", default_value = "1KiB", value_parser = values::message_bytes)]
    bytes: usize,

    /// Send each message by so many writes
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = values::writes)]
    writes: usize,
}

#[derive(Debug, clap::Args)]
struct Load {
    /// How many connections are open at once [default: 50; of transfers 1]
    #[arg(long, value_name = "N", value_parser = values::connections)]
    connections: Option<usize>,

    /// End after so many requests
    #[arg(long, value_name = "N", conflicts_with = "seconds")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    requests: Option<u64>,

    /// End after so many seconds
    #[arg(long, value_name = "S", default_value = "5", value_parser = values::seconds)]
    seconds: Duration,

    /// Put on the same load before, for so many seconds, without measuring
    #[arg(long, value_name = "S", default_value = "0.5", value_parser = values::seconds_or_none)]
    warm_up: Duration,

    /// The open loop: so many requests a second, whether the last ones were answered
    /// or not [default: each answer brings the next request]
    ///
    /// A request that finds no idle connection waits for one, and the wait is part of
    /// its latency.
    #[arg(long, value_name = "N", value_parser = values::rate)]
    rate: Option<f64>,

    /// Give up a request that isn't answered in so many seconds
    #[arg(long, value_name = "S", default_value = "5", value_parser = values::seconds)]
    timeout: Duration,

    /// Report the CPU time that this process uses while measuring: the server's
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,

    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// What the arguments ask for.
pub(crate) enum Order {
    Load(LoadOrder),
    Serve(Service, ListenAddress),
}

/// A load to put on a server.
pub(crate) struct LoadOrder {
    pub(crate) plan: Plan,
    pub(crate) work: Work,
    pub(crate) json: bool,
}

/// Where a server listens.
pub(crate) enum ListenAddress {
    Tcp(HostPort),
    Unix(PathBuf),
    Udp(HostPort),
}

impl Args {
    /// Finds what is named, and refuses what can't go together.
    pub(crate) fn order(self) -> Result<Order> {
        let (target, work, load) = match self.command {
            Command::Raw(raw) => return Ok(Order::Serve(raw.service, raw.address())),
            Command::Echo(Echo { target, udp, message: Message { bytes, writes }, load }) => {
                if udp.is_some() && bytes.div_ceil(writes) > MOST_DATAGRAM_BYTES {
                    return Err(Error::long_datagram(bytes, MOST_DATAGRAM_BYTES));
                }
                let target = match udp {
                    Some(address) => Target::udp(&address)?,
                    None => target.find()?,
                };
                (target, Work::Echo { bytes, writes }, load)
            }
            Command::Churn(Churn { target, message: Message { bytes, writes }, load }) => {
                (target.find()?, Work::Churn { bytes, writes }, load)
            }
            Command::Http(Http { target, path, body, load }) => {
                let host = target.host();
                (target.find()?, Work::Http { host, path, body }, load)
            }
            Command::Upload(Transfer { target, bytes, load }) => {
                (target.find()?, Work::Upload { bytes }, load)
            }
            Command::Download(Transfer { target, bytes, load }) => {
                (target.find()?, Work::Download { bytes }, load)
            }
        };
        let json = load.json;
        let plan = load.plan(target, &work);
        Ok(Order::Load(LoadOrder { plan, work, json }))
    }
}

impl StreamTarget {
    fn find(&self) -> Result<Target> {
        let trust = match &self.ca {
            Some(file) => Trust::File(file.clone()),
            None => Trust::Anybody,
        };
        match (&self.tcp, &self.unix, &self.tls) {
            (Some(address), _, _) => Target::tcp(address),
            (_, Some(path), _) => Ok(Target::unix(path)),
            (_, _, Some(address)) => Target::tls(address, &trust),
            (None, None, None) => unreachable!("clap has asked for one of them"),
        }
    }

    /// What HTTP's `Host` header says.
    fn host(&self) -> String {
        let address = self.tcp.as_ref().or(self.tls.as_ref());
        address.map_or_else(|| "localhost".to_owned(), HostPort::to_string)
    }
}

impl Raw {
    fn address(self) -> ListenAddress {
        match (self.tcp, self.unix, self.udp) {
            (Some(address), _, _) => ListenAddress::Tcp(address),
            (_, Some(path), _) => ListenAddress::Unix(path),
            (_, _, Some(address)) => ListenAddress::Udp(address),
            (None, None, None) => unreachable!("clap has asked for one of them"),
        }
    }
}

impl Load {
    fn plan(self, target: Target, work: &Work) -> Plan {
        Plan {
            target,
            connections: self.connections.unwrap_or(work.usual_connections()),
            life: work.life(),
            pace: self.rate.map_or(Pace::Answers, Pace::Rate),
            bound: self.requests.map_or(Bound::Time(self.seconds), Bound::Requests),
            warm_up: self.warm_up,
            timeout: self.timeout,
            server: self.pid,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::connection::Life;

    #[test]
    fn the_command_line_holds_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_examples_are_understood() {
        let examples: Vec<&str> =
            EXAMPLES.lines().filter_map(|line| line.strip_prefix("  cafeloop-load ")).collect();
        assert_eq!(examples.len(), 10);
        for example in examples {
            // Every other piece stood in quotes: it is one argument, spaces and all.
            let args = example.split('"').enumerate().flat_map(|(index, piece)| match index % 2 {
                0 => piece.split_whitespace().collect(),
                _ => vec![piece],
            });
            if let Err(mistake) = Args::try_parse_from(["cafeloop-load"].into_iter().chain(args)) {
                panic!("{example}: {mistake}");
            }
        }
    }

    fn load(args: &str) -> LoadOrder {
        let args = ["cafeloop-load"].into_iter().chain(args.split_whitespace());
        match Args::try_parse_from(args).expect("it is understood").order() {
            Ok(Order::Load(order)) => order,
            _ => panic!("expected a load"),
        }
    }

    #[test]
    fn a_load_has_its_defaults() {
        let LoadOrder { plan, work, json } = load("echo --tcp 127.0.0.1:80");
        assert!(matches!(work, Work::Echo { bytes: 1024, writes: 1 }) && !json);
        assert_eq!(
            (plan.connections, plan.life, plan.pace),
            (50, Life::AllRequests, Pace::Answers)
        );
        assert_eq!(plan.bound, Bound::Time(Duration::from_secs(5)));
        assert_eq!(plan.warm_up, Duration::from_millis(500));
        assert_eq!(load("upload --unix x").plan.connections, 1);
        assert_eq!(load("churn --unix x").plan.life, Life::OneRequest);
    }

    #[test]
    fn a_load_is_what_was_asked_for() {
        let LoadOrder { plan, work, json } = load(
            "echo --udp [::1]:7 --connections 3 --bytes 2KiB --writes 2 --requests 9 --warm-up 0 \
             --rate 0.5 --timeout 0.1 --pid 4711 --json",
        );
        assert!(matches!(work, Work::Echo { bytes: 2048, writes: 2 }) && json);
        assert!(matches!(plan.target, Target::Udp(address) if address.to_string() == "[::1]:7"));
        assert_eq!((plan.connections, plan.pace), (3, Pace::Rate(0.5)));
        assert_eq!((plan.bound, plan.warm_up), (Bound::Requests(9), Duration::ZERO));
        assert_eq!((plan.timeout, plan.server), (Duration::from_millis(100), Some(4711)));
    }
}

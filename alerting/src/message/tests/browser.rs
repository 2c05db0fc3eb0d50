//! The pages in a real browser, at the width of a phone and of a window: nothing overflows, no script runs, nothing is
//! asked for.

use std::fmt::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use super::super::{render, samples};
use super::{URL, injection, snapshots};

const WIDTHS: [u32; 2] = [375, 800];

/// Shows each page in frames of each width and writes down what became of it, a line each.
const PROBE: &str = "<script>
onload = () => {
  const report = [];
  for (const frame of document.querySelectorAll('iframe')) {
    const [page, view] = [frame.contentDocument, frame.contentWindow];
    const width = page.documentElement.clientWidth;
    const wide = [...page.body.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > width + 1);
    const loads = page.querySelectorAll('script,img,link,iframe,object,embed,video,audio,form,base,[background],[onerror]');
    const requests = view.performance.getEntriesByType('resource').length;
    const card = page.querySelector('.card').getBoundingClientRect();
    const small = [...page.querySelectorAll('a')].filter(a => a.style.padding && a.getBoundingClientRect().height < 40);
    report.push([frame.name, width, page.documentElement.scrollWidth > width, wide.length, loads.length, requests,
      view.hit === undefined, card.width <= 602, small.length].join(' '));
  }
  document.body.textContent = report.join('\\n');
};
</script>";

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;")
}

fn pages(evil: &str) -> Vec<(String, String)> {
    let stories = snapshots::all().into_iter().map(|(name, notification)| (name.to_owned(), notification));
    let (long, address) = ("W".repeat(5000), "https://example.org/".repeat(90));
    let attacks = [evil, injection::ATTACK, &long, &address];
    let attacks = attacks.iter().enumerate();
    let attacks = attacks.map(|(index, text)| (format!("attack-{index}"), samples::written_by(text)));
    stories.chain(attacks).map(|(name, notification)| (name, render(&notification, URL).html)).collect()
}

/// What the browser shows in the end, as text.
fn shown(folder: &Path, page: &str) -> String {
    let file = folder.join("probe.html");
    std::fs::write(&file, page).expect("written");
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--window-size=1400,1000",
            "--virtual-time-budget=5000",
        ])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg("--dump-dom")
        .arg(format!("file://{}", file.display()))
        .output()
        .expect("chromium, which `make test` installs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn every_page_fits_a_phone_runs_nothing_and_asks_for_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("set up");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    let evil = format!(
        "<img src={address}/a><script src={address}/b></script><link rel=stylesheet href='{address}/c'><style>@import \
         '{address}/d'</style>\" style=\"background:url({address}/e)\" x=\"<svg onload=window.hit=1><iframe src={address}/f>"
    );
    let mut page = format!("<!DOCTYPE html><html><head>{PROBE}</head><body>\n");
    let pages = pages(&evil);
    for (name, html) in &pages {
        for width in WIDTHS {
            let frame = format!(
                "<iframe name=\"{name}\" style=\"width:{width}px;height:600px;border:0\" srcdoc=\"{}\"></iframe>\n",
                escaped(html)
            );
            page.write_str(&frame).expect("a string takes everything");
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let shown = shown(folder.path(), &(page + "</body></html>"));
    for (name, _) in &pages {
        for width in WIDTHS {
            let good = format!("{name} {width} false 0 0 0 true true 0");
            assert!(shown.lines().any(|line| line.contains(&good)), "{good} is not in\n{shown}");
        }
    }
    assert!(listener.accept().is_err(), "a page asked for something");
}

/// The probe must be able to fail.
#[test]
fn a_page_that_overflows_runs_and_asks_is_noticed() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    let bad = format!(
        "<div class=card style='width:900px'>x</div><img src={address}/x><script>window.hit=1</script>"
    );
    let frame =
        format!("<iframe name=bad style=\"width:375px;border:0\" srcdoc=\"{}\"></iframe>", escaped(&bad));
    let folder = tempfile::tempdir().expect("a folder");
    let server = std::thread::spawn(move || drop(listener.accept().expect("asked")));
    let shown = shown(folder.path(), &format!("<html><head>{PROBE}</head><body>{frame}</body></html>"));
    server.join().expect("asked");
    assert!(shown.contains("bad 375 true 1 2 1 false false 0"), "{shown}");
}

use super::*;

const FIRST: &str = "{\"protocol\":{}}\n{\"metaData\":{}}\n";
const SECOND: &str = "{\"commitInfo\":{}}\n{\"add\":{\"path\":\"x\"}}\n";

fn commit(folder: &Path, version: u64) -> PathBuf {
    folder.join("_delta_log").join(format!("{version:020}.json"))
}

fn log_of(commits: &[&[u8]]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("_delta_log")).expect("new");
    for (version, bytes) in (0..).zip(commits) {
        fs::write(commit(folder.path(), version), bytes).expect("room");
    }
    folder
}

fn check(newest: &[u8], is_kept: bool) {
    let folder = log_of(&[FIRST.as_bytes(), newest]);
    let mended = mend(folder.path()).expect("readable");
    assert_eq!(mended, Mended { quarantined: u64::from(!is_kept), restored: 0 });
    assert_eq!(commit(folder.path(), 1).exists(), is_kept);
    assert!(commit(folder.path(), 0).exists());
    assert_eq!(folder.path().join("_quarantine/00000000000000000001.json.1").exists(), !is_kept);
}

#[test]
fn an_empty_or_torn_newest_commit_without_a_copy_is_moved_aside() {
    let whole = SECOND.as_bytes();
    check(whole, true);
    check(&whole[..whole.len() - 1], true);
    check(b"", false);
    check(&whole[..20], false);
    check(&[0; 300], false);
}

#[test]
fn what_builds_on_an_unreadable_commit_is_moved_aside_with_it() {
    let folder = log_of(&[FIRST.as_bytes(), b"torn", SECOND.as_bytes(), SECOND.as_bytes()]);
    assert_eq!(mend(folder.path()).expect("readable"), Mended { quarantined: 3, restored: 0 });
    assert!(commit(folder.path(), 0).exists());
    assert_eq!(mend(folder.path()).expect("readable"), Mended::default(), "it is done");
}

#[test]
fn every_cut_and_every_flipped_bit_of_a_commit_is_put_right_from_its_copy() {
    let folder = log_of(&[FIRST.as_bytes(), SECOND.as_bytes(), SECOND.as_bytes()]);
    assert_eq!(mend(folder.path()).expect("readable"), Mended::default(), "the copies are made");
    let restored = Mended { quarantined: 0, restored: 1 };
    let damaged = |version: u64, bytes: &[u8]| {
        fs::write(commit(folder.path(), version), bytes).expect("room");
        assert_eq!(mend(folder.path()).expect("readable"), restored, "{bytes:?}");
        assert_eq!(fs::read(commit(folder.path(), version)).expect("there"), SECOND.as_bytes());
    };
    for length in 0..SECOND.len() {
        damaged(2, &SECOND.as_bytes()[..length]);
    }
    for bit in 0..SECOND.len() * 8 {
        let mut bytes = SECOND.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        damaged(1, &bytes);
    }
    fs::remove_file(commit(folder.path(), 1)).expect("there");
    assert_eq!(mend(folder.path()).expect("readable"), restored, "also one that is gone");
}

#[test]
fn a_damaged_copy_changes_nothing() {
    let folder = log_of(&[FIRST.as_bytes(), SECOND.as_bytes()]);
    mend(folder.path()).expect("readable");
    let copy = commit_copy::path(folder.path(), "00000000000000000001.json");
    let whole = fs::read(&copy).expect("there");
    for damaged in [&b""[..], b"abc", &whole[..whole.len() - 1]] {
        fs::write(&copy, damaged).expect("room");
        assert_eq!(mend(folder.path()).expect("readable"), Mended::default());
        assert_eq!(fs::read(commit(folder.path(), 1)).expect("there"), SECOND.as_bytes());
    }
}

#[test]
fn a_file_that_never_got_its_name_is_removed() {
    let folder = log_of(&[FIRST.as_bytes()]);
    let staged = folder.path().join("_delta_log/00000000000000000001.json#1");
    fs::write(&staged, SECOND).expect("room");
    assert_eq!(mend(folder.path()).expect("readable"), Mended::default());
    assert!(!staged.exists());
}

#[test]
fn cleaning_keeps_two_checkpoints_and_everything_since_the_older() {
    let commits: Vec<&[u8]> = std::iter::repeat_n(SECOND.as_bytes(), 8).collect();
    let folder = log_of(&commits);
    copy_missing(folder.path()).expect("readable");
    for version in [1, 3, 6] {
        fs::write(folder.path().join(format!("_delta_log/{version:020}{CHECKPOINT}")), "any").expect("room");
        seal_checkpoint(folder.path(), version).expect("there");
    }
    assert_eq!(
        clean(folder.path()).expect("readable"),
        3 + 3 + 2,
        "commits, copies, a checkpoint and its sum"
    );
    let versions = |ending| files(folder.path(), ending).expect("readable").into_keys().collect::<Vec<_>>();
    assert_eq!(versions(COMMIT), [3, 4, 5, 6, 7]);
    assert_eq!(versions(CHECKPOINT), [3, 6]);
    assert_eq!(mend(folder.path()).expect("readable"), Mended::default());
    assert_eq!(clean(folder.path()).expect("readable"), 0);
}

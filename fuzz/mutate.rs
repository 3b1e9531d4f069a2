//! Texts that resemble configurations: one that exists, changed in a few places. The same number gives the same text.

/// Longer texts are cut.
const MAX_BYTES: usize = 4096;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`, and 0 for 0.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// The text of this number.
pub(super) fn text(number: u64, texts: &[Vec<u8>], words: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut random = Random(number);
    let mut text = texts[random.below(texts.len())].clone();
    for _ in 0..=random.below(6) {
        change(&mut random, &mut text, texts, words);
    }
    text.truncate(MAX_BYTES);
    text
}

fn change(random: &mut Random, text: &mut Vec<u8>, texts: &[Vec<u8>], words: &[impl AsRef<[u8]>]) {
    let at = random.below(text.len() + 1);
    match random.below(12) {
        0 if at < text.len() => text[at] ^= 1 << random.below(8),
        1 if at < text.len() => text[at] = random.next() as u8,
        2 => {
            let end = (at + random.below(24)).min(text.len());
            text.drain(at..end);
        }
        // A word of the language, within the text or in the place of a word.
        3 | 4 => insert(text, at, words[random.below(words.len())].as_ref()),
        5 | 6 => {
            let (start, end) = word(text, at);
            text.drain(start..end);
            insert(text, start, words[random.below(words.len())].as_ref());
        }
        // A piece of another text.
        7 => {
            let other = &texts[random.below(texts.len())];
            let from = random.below(other.len() + 1);
            let to = (from + random.below(200)).min(other.len());
            insert(text, at, &other[from..to]);
        }
        // A line once more, or elsewhere.
        8 => {
            let (start, end) = line(text, at);
            let copy = text[start..end].to_vec();
            let to = line(text, random.below(text.len() + 1)).0;
            insert(text, to, &copy);
        }
        9 => {
            let (start, end) = line(text, at);
            text.drain(start..end);
        }
        10 => {
            let sign = [&b"{"[..], b"}", b"\"", b"'", b"\\", b"\n", b" ", b"$", b"@", b"~", b"#", b"\0"];
            insert(text, at, sign[random.below(sign.len())]);
        }
        _ => {
            let times = 1 + random.below(40);
            let (start, end) = if random.below(2) == 0 { word(text, at) } else { line(text, at) };
            let copy = text[start..end].repeat(times);
            insert(text, start, &copy[..copy.len().min(MAX_BYTES)]);
        }
    }
}

fn insert(text: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    text.splice(at..at, bytes.iter().copied());
}

/// The word around a place.
fn word(text: &[u8], at: usize) -> (usize, usize) {
    around(text, at, |b| b.is_ascii_whitespace())
}

/// The line around a place, its end included.
fn line(text: &[u8], at: usize) -> (usize, usize) {
    let (start, end) = around(text, at, |b| b == b'\n');
    (start, (end + 1).min(text.len()))
}

fn around(text: &[u8], at: usize, ends: impl Fn(u8) -> bool) -> (usize, usize) {
    let start = text[..at].iter().rposition(|b| ends(*b)).map_or(0, |i| i + 1);
    let end = text[at..].iter().position(|b| ends(*b)).map_or(text.len(), |i| at + i);
    (start, end)
}

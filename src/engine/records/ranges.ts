/** A stretch of bytes: `from` inclusive, `to` exclusive. */
export type Range = readonly [from: number, to: number];

/** The parts of `range` that are also in one of `ranges` (sorted, apart from each other). */
export function overlaps(ranges: readonly Range[], [from, to]: Range): Range[] {
  return ranges
    .filter(([start, end]) => start < to && from < end)
    .map(([start, end]) => [Math.max(start, from), Math.min(end, to)]);
}

/** `ranges` (sorted, apart from each other) with `added`; what touches becomes one. */
export function withRange(ranges: readonly Range[], added: Range): Range[] {
  const before = ranges.filter(([, end]) => end < added[0]);
  const after = ranges.filter(([start]) => start > added[1]);
  const touching = ranges.slice(before.length, ranges.length - after.length);
  const from = Math.min(added[0], ...touching.map(([start]) => start));
  const to = Math.max(added[1], ...touching.map(([, end]) => end));
  return [...before, [from, to], ...after];
}

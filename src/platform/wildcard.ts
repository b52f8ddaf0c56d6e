/**
 * Whether a pattern covers all of a text: `*` stands for any run of characters, `?` for any one. Takes
 * time in proportion to the lengths, whatever the pattern is: there is one place to go back to, that of
 * the last `*`.
 */
export function matchesWildcard(pattern: string, text: string): boolean {
  let at = 0;
  let inPattern = 0;
  let afterStar = -1;
  let resumeAt = 0;
  while (at < text.length) {
    const wanted = pattern[inPattern];
    if (wanted === '*') {
      inPattern += 1;
      afterStar = inPattern;
      resumeAt = at;
    } else if (wanted === '?' || wanted === text[at]) {
      inPattern += 1;
      at += 1;
    } else if (afterStar >= 0) {
      resumeAt += 1;
      at = resumeAt;
      inPattern = afterStar;
    } else {
      return false;
    }
  }
  while (pattern[inPattern] === '*') inPattern += 1;
  return inPattern === pattern.length;
}

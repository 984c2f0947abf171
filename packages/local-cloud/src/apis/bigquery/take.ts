/** The first items of a sequence, `most` of them at most; no more are computed. */
export function* take<Item>(items: Iterable<Item>, most: number): Generator<Item> {
  if (most <= 0) return
  let count = 0
  for (const item of items) {
    yield item
    if (++count === most) return
  }
}

/**
 * The forms of a time that people write, as regular expressions that JavaScript and BigQuery (RE2) read alike, without
 * regard to case. The times of a file are read with them, and those of a table in SQL, by the same rules.
 */

/** One form: the parts of a text that its groups find are put in the order of the plain form. */
export interface TimeForm {
  pattern: string
  /** `\1` is the text of the first group. */
  plain: string
}

const ZONE = String.raw`\s*(z|utc|gmt|(?:utc|gmt)?[+-]\d{1,2}(?::?\d{2})?)?`

/** The forms that are not plain. Each is rewritten as far as its pattern reaches; the rest of the text stays. */
export const TIME_FORMS: readonly TimeForm[] = [
  // EXIF writes `2026:11:03 20:58:37` (https://www.cipa.jp/std/documents/e/DC-X008-Translation-2019-E.pdf, DateTimeOriginal).
  {
    pattern: String.raw`^(\d{4})(?::(\d{1,2}):(\d{1,2})|/(\d{1,2})/(\d{1,2})|\.(\d{1,2})\.(\d{1,2}))`,
    plain: String.raw`\1-\2\4\6-\3\5\7`,
  },
  // A month is its first day.
  { pattern: String.raw`^(\d{4})[-/:.](\d{1,2})$`, plain: String.raw`\1-\2-1` },
  // Digits only, as in `20261103T205837Z`, and in the names of photos, `20261103_205837`.
  { pattern: String.raw`^(\d{4})(\d{2})(\d{2})$`, plain: String.raw`\1-\2-\3` },
  { pattern: String.raw`^(\d{4})(\d{2})(\d{2})[t_]?(\d{2})(\d{2})${ZONE}$`, plain: String.raw`\1-\2-\3 \4:\5\6` },
  {
    pattern: String.raw`^(\d{4})(\d{2})(\d{2})[t_-]?(\d{2})(\d{2})(\d{2})${ZONE}$`,
    plain: String.raw`\1-\2-\3 \4:\5:\6\7`,
  },
  {
    pattern: String.raw`^(\d{4})(\d{2})(\d{2})[t_-]?(\d{2})(\d{2})(\d{2})(?:(\d{3})|[.,](\d{1,30}))${ZONE}$`,
    plain: String.raw`\1-\2-\3 \4:\5:\6.\7\8\9`,
  },
  // The capture time of Mapillary's tools, `2026_11_03_20_58_37_250` (mapillary/mapillary_tools, schema/image_description_schema.json).
  { pattern: String.raw`^(\d{4})_(\d{2})_(\d{2})$`, plain: String.raw`\1-\2-\3` },
  { pattern: String.raw`^(\d{4})_(\d{2})_(\d{2})_(\d{2})_(\d{2})_(\d{2})$`, plain: String.raw`\1-\2-\3 \4:\5:\6` },
  {
    pattern: String.raw`^(\d{4})_(\d{2})_(\d{2})_(\d{2})_(\d{2})_(\d{2})_(\d{3}|\d{6})$`,
    plain: String.raw`\1-\2-\3 \4:\5:\6.\7`,
  },
  // In the names of files, which have no colons: `2026-11-03 20.58.37` and `2026-11-03_20-58-37`.
  {
    pattern: String.raw`^(\d{4})-(\d{2})-(\d{2})[\st_-]+(\d{2})[.-](\d{2})[.-](\d{2})$`,
    plain: String.raw`\1-\2-\3 \4:\5:\6`,
  },
  // `Tue Nov  3 20:58:37 2026`, C's asctime, and Unix's date with `UTC` before the year.
  {
    pattern: String.raw`^[a-z]{3}\s+([a-z]{3})\s+(\d{1,2})\s+(\d{1,2}:\d{2}:\d{2})\s+(?:(utc|gmt)\s+)?(\d{4})$`,
    plain: String.raw`\5-\1-\2 \3 \4`,
  },
  // `Tue, 03 Nov 2026 20:58:37 GMT` and `3-Nov-2026`.
  {
    pattern: String.raw`^(?:[a-z]{3,9},?\s+)?(\d{1,2})[\s-]([a-z]{3})[a-z]{0,6}\.?[\s-](\d{4})`,
    plain: String.raw`\3-\2-\1`,
  },
  // `Nov 3, 2026 8:58 PM`.
  {
    pattern: String.raw`^(?:[a-z]{3,9},?\s+)?([a-z]{3})[a-z]{0,6}\.?\s+(\d{1,2}),?\s+(\d{4})`,
    plain: String.raw`\3-\1-\2`,
  },
]

/**
 * The plain form: ISO 8601, and BigQuery's own. Its groups are year, month (a number or three letters), day, hour,
 * minute, second, digits of the fraction, the a or p of a half day, and the zone.
 */
export const PLAIN_TIME = String.raw`^(\d{4})-(\d{1,2}|[a-z]{3})-(\d{1,2})(?:,?(?:t|\s+)(\d{1,2}):([0-5]\d)(?::([0-5]\d)(?:[.,](\d{1,30}))?)?(?:\s*([ap])\.?m\.?)?${ZONE}(?:\s*\([a-z ]*\))?)?$`

/** The names of the months; the one at index N, counted from 0, is month `(N + 4) / 4`. */
export const MONTH_NAMES = ' jan feb mar apr may jun jul aug sep oct nov dec'

/** Digits of a time since 1970: seconds, milliseconds, microseconds or nanoseconds, each from 1973 to 2286. */
export const EPOCH = String.raw`^(?:\d{9,10}|\d{12,13}|\d{15,16}|\d{18,19})(?:\.\d{1,30})?$`

const DAY_DIGITS = String.raw`(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])`

/** Twelve digits that are a year, month, day, hour and minute, and not milliseconds between 1973 and 2001. */
export const TWELVE_DIGITS = `^${DAY_DIGITS}[0-5]\\d$`

/** Ten digits that are a year, month, day and hour, or seconds since 1970 between 2030 and 2036; the digits do not say which. */
export const TEN_DIGITS = `^${DAY_DIGITS}$`

/** `03/11/2026`: the third of November or the eleventh of March. */
export const YEAR_LAST = String.raw`^\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})(?:\D.*)?$`

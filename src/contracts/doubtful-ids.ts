/** Patterns of identifiers that merge what is not the same, as JavaScript and BigQuery (RE2) read them alike. */

/** Words that programs write for a missing value. As text, all rows with one of them become one asset. In any case. */
export const MISSING_ID = String.raw`^(?:null|none|nan|nil|undefined|#?n/a|<na>|nat|\\n|#(?:ref!|value!|name\?|div/0!|num!|null!|error!))$`

/** How a spreadsheet shows a number that is too long for its cell: the other digits are lost when it saves the file. */
export const SHORTENED_ID = String.raw`^\d(?:[.,]\d+)?E\+\d+$`

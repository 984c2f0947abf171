/**
 * The start of a formula (https://owasp.org/www-community/attacks/CSV_Injection), also in full-width characters, which Excel's
 * East Asian editions accept (https://github.com/OWASP/www-community/issues/1088). Some programs strip leading space.
 */
// eslint-disable-next-line no-control-regex -- OWASP's ASVS 1.2.10 names the null character
const FORMULA = /^(?:[\t\r\n\0]|(?:[\s\u200b\ufeff\p{Cc}]|\u001b\[[0-9;]*[A-Za-z])*[=+\-@＝＋－＠])/u

/** Whether a spreadsheet would run a text as a formula. */
export function isFormula(text: string): boolean {
  return FORMULA.test(text)
}

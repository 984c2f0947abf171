import { GoogleError, notEmulated } from '../../kernel/errors.ts'

/** The claims of a token from another issuer. */
export type Assertion = Readonly<Record<string, unknown>>

type Expression = (assertion: Assertion) => unknown

/** How to map an assertion, and which assertions to accept. */
export interface AttributeRules {
  /** `google.subject`, `google.groups`, `attribute.NAME` to how each is found. */
  mapping: ReadonlyMap<string, Expression>
  condition: (assertion: Assertion) => boolean
}

const PATH = String.raw`assertion(?:\.\w+|\['[^']+'\])+`
const TEXT = String.raw`'[^'\\]*'|"[^"\\]*"`
const SUM = String.raw`(?:${PATH}|${TEXT})(?:\s*\+\s*(?:${PATH}|${TEXT}))*`
const COMPARISON = new RegExp(String.raw`^\s*(${SUM})\s*(==|!=)\s*(${SUM})\s*$`)

/** https://cloud.google.com/iam/docs/workload-identity-federation#mapping */
const TARGET = /^(google\.(subject|groups)|attribute\.[a-z0-9_]{1,100})$/

/**
 * Reads an attribute mapping. Of Common Expression Language, it supports only claims
 * (`assertion.repository`), texts and their concatenation. Throws INVALID_ARGUMENT, UNIMPLEMENTED.
 */
export function readMapping(mapping: Readonly<Record<string, string>>): AttributeRules['mapping'] {
  const stranger = Object.keys(mapping).find((target) => !TARGET.test(target))
  if (stranger !== undefined) throw invalid(`attribute_mapping has the unknown key ${stranger}`)
  if (!('google.subject' in mapping)) throw invalid('attribute_mapping must map google.subject')
  return new Map(Object.entries(mapping).map(([target, text]) => [target, readSum(text)]))
}

/**
 * Reads an attribute condition: comparisons with `==` and `!=`, combined with `&&`. An empty one accepts everything.
 */
export function readCondition(text: string): AttributeRules['condition'] {
  if (text.trim() === '') return () => true
  const parts = text.split('&&').map((part) => {
    const [, left, operator, right] = COMPARISON.exec(part) ?? []
    if (left === undefined || right === undefined) throw notEmulated(`the attribute condition ${text}`)
    return { left: readSum(left), isEqual: operator === '==', right: readSum(right) }
  })
  return (assertion) =>
    parts.every(({ left, isEqual, right }) => {
      const [a, b] = [left(assertion), right(assertion)]
      // A missing claim is an error of the expression, so the assertion is refused.
      return a !== undefined && b !== undefined && (a === b) === isEqual
    })
}

function readSum(text: string): Expression {
  if (!new RegExp(`^\\s*${SUM}\\s*$`).test(text)) throw notEmulated(`the attribute expression ${text}`)
  const terms = [...text.matchAll(new RegExp(`${PATH}|${TEXT}`, 'g'))].map(([term]) => readTerm(term))
  return (assertion) => {
    const values = terms.map((term) => term(assertion))
    if (values.length === 1) return values[0]
    return values.every((value) => typeof value === 'string') ? values.join('') : undefined
  }
}

function readTerm(term: string): Expression {
  if (!term.startsWith('assertion')) return () => term.slice(1, -1)
  const names = [...term.matchAll(/\.(\w+)|\['([^']+)'\]/g)].map(([, plain, quoted]) => plain ?? quoted ?? '')
  return (assertion) =>
    names.reduce<unknown>((value, name) => {
      const isMap = typeof value === 'object' && value !== null && Object.hasOwn(value, name)
      return isMap ? (value as Record<string, unknown>)[name] : undefined
    }, assertion)
}

function invalid(message: string): GoogleError {
  return new GoogleError('INVALID_ARGUMENT', message, { details: [] })
}

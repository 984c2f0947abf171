import { quote, typed, type Place, type Typed } from './analysis.ts'
import { arrayLiteral, structLiteral, subscript } from './analyze-constructors.ts'
import { between, binary, concatenation, equality, inList, isTest, like, unary } from './analyze-operators.ts'
import { explicitCast } from './cast.ts'
import { coerce, unify } from './coercion.ts'
import { SqlFailure, unsupported } from './failure.ts'
import { functionCall } from './function-call.ts'
import { extract } from './functions/date-parts.ts'
import { literal, typedLiteral } from './literals.ts'
import { resolveName, resolveQualified, ungrouped } from './scope.ts'
import type { Expression } from './syntax.ts'
import { arrayOf, BOOL, JSON_TYPE, typeName } from './types.ts'

/** Translates an expression: resolves its names, gives it a type, writes DuckDB's text for it. */
export function analyzeExpression(node: Expression, place: Place): Typed {
  if (place.scope.grouping) {
    const key = groupKey(node, place)
    if (key) return key
  }
  const analyze = (child: Expression): Typed => analyzeExpression(child, place)
  switch (node.kind) {
    case 'literal':
      return literal(node.value, node.at)
    case 'typed':
      return typedLiteral(node)
    case 'parameter':
      return parameter(node, place)
    case 'name':
      return resolveName(node.name, node.at, place)
    case 'dot':
      return dot(node, place)
    case 'subscript':
      return subscript(node, analyze(node.base), analyze(node.index))
    case 'unary':
      return unary(node.operator, analyze(node.operand), node.at)
    case 'binary':
      if (node.operator === '||') return concatenation(operandsOf(node).map(analyze), node.at)
      return binary(node.operator, analyze(node.left), analyze(node.right), node.at)
    case 'between':
      return between(analyze(node.operand), analyze(node.low), analyze(node.high), node.negated, node.at)
    case 'in':
      return inExpression(node, place)
    case 'is':
      return isTest(analyze(node.operand), node.what, node.negated, node.at)
    case 'like':
      return like(analyze(node.operand), analyze(node.pattern), node.negated, node.at)
    case 'case':
      return caseExpression(node, place)
    case 'cast':
      return explicitCast(analyze(node.operand), node.type, node.safe, node.at)
    case 'extract':
      return extract(node.part, analyze(node.operand), node.zone && analyze(node.zone), node.at)
    case 'interval':
      throw unsupported('an INTERVAL value outside of a date function', node.at)
    case 'array':
      return arrayLiteral(node, node.items.map(analyze))
    case 'struct':
      return structLiteral(
        node,
        node.items.map((item) => analyze(item.value)),
      )
    case 'call':
      return functionCall(node.call, node.at, place)
    case 'subquery':
      return subquery(node, place)
  }
}

/** The operands of a chain of `||`, which is associative. */
function operandsOf(node: Expression): Expression[] {
  if (node.kind !== 'binary' || node.operator !== '||') return [node]
  return [...operandsOf(node.left), ...operandsOf(node.right)]
}

/**
 * The grouping key that the expression is, if it is one: the same text over the same columns. A
 * path matches anywhere, any other expression only as a whole item of the SELECT list, as on BigQuery.
 */
function groupKey(node: Expression, place: Place): Typed | undefined {
  const isPath = node.kind === 'name' || node.kind === 'dot'
  if (!isPath && place.wholeItem !== node) return undefined
  if (node.kind === 'literal' || node.kind === 'parameter') return undefined
  try {
    const { sql } = ungrouped(place, (raw) => analyzeExpression(node, raw))
    const key = place.scope.grouping?.keys.find((candidate) => candidate.sql === sql)
    return key && { ...key.result, at: node.at }
  } catch (error) {
    if (error instanceof SqlFailure) return undefined
    throw error
  }
}

function parameter(node: Expression & { kind: 'parameter' }, place: Place): Typed {
  const { namedParameters, positionalParameters } = place.analysis
  const value = node.name === '' ? positionalParameters[node.position] : namedParameters.get(node.name.toLowerCase())
  if (value) return { ...value, at: node.at }
  throw new SqlFailure(
    node.name === ''
      ? `Query parameter number ${node.position + 1} is not defined`
      : `Query parameter '${node.name}' not found`,
    node.at,
  )
}

function dot(node: Expression & { kind: 'dot' }, place: Place): Typed {
  if (node.base.kind === 'name') {
    const qualified = resolveQualified(node.base.name, node.field, node.at, node.fieldAt, place)
    if (qualified) return qualified
  }
  const base = analyzeExpression(node.base, place)
  return fieldOf(base, node.field, node.fieldAt)
}

/** `value.field` of a STRUCT or of a JSON object. */
export function fieldOf(base: Typed, field: string, at: number): Typed {
  if (base.type.kind === 'JSON') {
    return typed(`bq_json_member(${base.sql}, ${quote(field)})`, JSON_TYPE, base.at, [base])
  }
  if (base.type.kind !== 'STRUCT') {
    throw new SqlFailure(`Cannot access field ${field} on a value with type ${typeName(base.type)}`, at)
  }
  const matches = base.type.fields.flatMap((candidate, index) =>
    candidate.name?.toLowerCase() === field.toLowerCase() ? [index] : [],
  )
  if (matches.length > 1) throw new SqlFailure(`Struct field name ${field} is ambiguous`, at)
  const [index] = matches
  if (index === undefined) throw new SqlFailure(`Field name ${field} does not exist in ${typeName(base.type)}`, at)
  return typed(`struct_extract(${base.sql}, 'f${index}')`, base.type.fields[index]!.type, base.at, [base])
}

function inExpression(node: Expression & { kind: 'in' }, place: Place): Typed {
  const operand = analyzeExpression(node.operand, place)
  const { list } = node
  if (list.kind === 'items') {
    return inList(
      operand,
      list.items.map((item) => analyzeExpression(item, place)),
      node.negated,
      node.at,
    )
  }
  if (operand.type.kind === 'STRUCT') throw unsupported('IN of a STRUCT', node.at)
  if (list.kind === 'unnest') {
    const array = analyzeExpression(list.array, place)
    if (array.type.kind !== 'ARRAY') {
      throw new SqlFailure(`Second argument of IN UNNEST must be an array but was ${typeName(array.type)}`, array.at)
    }
    const element = typed('e', array.type.element, array.at)
    const both = unify([operand, element], 'operator IN UNNEST', node.at)
    return membership(
      both.values[0]!,
      `SELECT ${both.values[1]!.sql} AS c0 FROM (SELECT unnest(${array.sql}) AS e)`,
      node.negated,
      node.at,
    )
  }
  const plan = place.analysis.rules.query(list.query, { analysis: place.analysis, parent: place.scope })
  if (plan.columns.length !== 1) {
    throw new SqlFailure(`Subquery of type IN must have only one output column`, node.at)
  }
  const both = unify([operand, typed('s.c0', plan.columns[0]!.type, node.at)], 'operator IN', node.at)
  return membership(
    both.values[0]!,
    `SELECT ${both.values[1]!.sql} AS c0 FROM (${plan.sql}) AS s`,
    node.negated,
    node.at,
  )
}

/** NaN is in no list, but DuckDB takes NaN for equal to itself. */
function membership(operand: Typed, rows: string, negated: boolean, at: number): Typed {
  if (operand.type.kind === 'STRUCT' || operand.type.kind === 'ARRAY' || operand.type.kind === 'JSON') {
    throw unsupported(`IN of ${typeName(operand.type)}`, at)
  }
  const list = operand.type.kind === 'FLOAT64' ? `SELECT c0 FROM (${rows}) WHERE c0 IS NULL OR NOT isnan(c0)` : rows
  return typed(`(${operand.sql} ${negated ? 'NOT IN' : 'IN'} (${list}))`, BOOL, at, [operand])
}

function caseExpression(node: Expression & { kind: 'case' }, place: Place): Typed {
  const operand = node.operand && analyzeExpression(node.operand, place)
  if (operand?.volatile) throw unsupported('CASE over an expression that differs with each evaluation', node.at)
  const conditions = node.branches.map(({ when }) => {
    const value = analyzeExpression(when, place)
    if (operand) return equality(operand, value, 'operator CASE', value.at)
    const condition = coerce(value, BOOL)
    if (!condition)
      throw new SqlFailure(`CASE WHEN should return type BOOL, but returns ${typeName(value.type)}`, value.at)
    return condition
  })
  const results = node.branches.map(({ then }) => analyzeExpression(then, place))
  const otherwise = node.otherwise && analyzeExpression(node.otherwise, place)
  const unified = unify(otherwise ? [...results, otherwise] : results, 'operator CASE', node.at)
  const branches = conditions.map((condition, index) => `WHEN ${condition.sql} THEN ${unified.values[index]!.sql}`)
  const last = otherwise ? ` ELSE ${unified.values.at(-1)!.sql}` : ''
  return typed(`CASE ${branches.join(' ')}${last} END`, unified.type, node.at, [...conditions, ...unified.values])
}

function subquery(node: Expression & { kind: 'subquery' }, place: Place): Typed {
  const { analysis, scope } = place
  const plan = analysis.rules.query(node.query, { analysis, parent: scope, keepOrder: node.as === 'array' })
  const relation = analysis.fresh('s')
  if (node.as === 'exists') return typed(`EXISTS (SELECT 1 FROM (${plan.sql}) AS ${relation})`, BOOL, node.at)
  if (plan.columns.length !== 1) {
    const what = node.as === 'array' ? 'ARRAY subquery' : 'Scalar subquery'
    throw new SqlFailure(
      `${what} cannot have more than one column unless using SELECT AS STRUCT to build STRUCT values`,
      node.at,
    )
  }
  const { type } = plan.columns[0]!
  if (node.as === 'scalar') return typed(`(SELECT ${relation}.c0 FROM (${plan.sql}) AS ${relation})`, type, node.at)
  if (type.kind === 'ARRAY') {
    throw new SqlFailure(
      'Cannot use array subquery with column of type ARRAY because nested arrays are not supported',
      node.at,
    )
  }
  const order = plan.order.length > 0 ? ` ORDER BY ${plan.order.join(', ')}` : ''
  const list = `(SELECT coalesce(list(${relation}.c0${order}), []) FROM (${plan.sql}) AS ${relation})`
  return typed(list, arrayOf(type), node.at)
}

import { AGGREGATE_NAMES } from './functions/names.ts'
import type { Expression } from './syntax.ts'

/** Whether an aggregate is called here, outside of subqueries: it is what makes a SELECT a grouped one. */
export function containsAggregate(node: Expression): boolean {
  if (node.kind === 'call' && AGGREGATE_NAMES.has(node.call.name) && !node.call.over) return true
  return children(node).some(containsAggregate)
}

function children(node: Expression): Expression[] {
  switch (node.kind) {
    case 'literal':
    case 'typed':
    case 'parameter':
    case 'name':
    case 'subquery':
      return []
    case 'dot':
      return [node.base]
    case 'subscript':
      return [node.base, node.index]
    case 'unary':
    case 'is':
    case 'cast':
      return [node.operand]
    case 'binary':
      return [node.left, node.right]
    case 'between':
      return [node.operand, node.low, node.high]
    case 'in':
      return [
        node.operand,
        ...(node.list.kind === 'items' ? node.list.items : node.list.kind === 'unnest' ? [node.list.array] : []),
      ]
    case 'like':
      return [node.operand, node.pattern]
    case 'case':
      return [
        ...(node.operand ? [node.operand] : []),
        ...node.branches.flatMap(({ when, then }) => [when, then]),
        ...(node.otherwise ? [node.otherwise] : []),
      ]
    case 'extract':
      return [node.operand, ...(node.zone ? [node.zone] : [])]
    case 'interval':
      return [node.amount]
    case 'array':
      return node.items
    case 'struct':
      return node.items.map((item) => item.value)
    case 'call': {
      const { args, over } = node.call
      const window = over ? [...over.partitionBy, ...over.orderBy.map((ordering) => ordering.value)] : []
      return [...args.map((arg) => arg.value), ...window]
    }
  }
}

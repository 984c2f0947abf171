import type { GrpcFace, HttpRule } from './api.ts'
import { pathTemplate, type PathTemplate } from './path-template.ts'

/** One HTTP binding of a method. */
export interface Binding {
  service: string
  method: string
  httpMethod: string
  template: PathTemplate
  body: string | undefined
}

/**
 * Returns every binding of the face's services, from its own rules for the services named there, otherwise from the
 * annotations.
 */
export function bindingsOf({ protos, services, httpRules = {} }: GrpcFace): Binding[] {
  return Object.keys(services).flatMap((service) =>
    Object.entries(httpRules[service] ?? annotations(protos, service)).flatMap(([method, rule]) =>
      bindings(service, method, rule),
    ),
  )
}

const HTTP_METHODS = ['get', 'put', 'post', 'delete', 'patch'] as const

function bindings(service: string, method: string, rule: HttpRule): Binding[] {
  const { additional_bindings: more = [], body } = rule
  const own = HTTP_METHODS.flatMap((verb) => {
    const path = rule[verb]
    return path === undefined
      ? []
      : [{ service, method, httpMethod: verb.toUpperCase(), template: pathTemplate(path), body }]
  })
  return [...own, ...[more].flat().flatMap((another: HttpRule) => bindings(service, method, another))]
}

interface Namespace {
  nested?: Record<string, Namespace>
  methods?: Record<string, { parsedOptions?: readonly Record<string, unknown>[] }>
}

/** The google.api.http annotations of a service in protos.json. */
function annotations(protos: object, service: string): Record<string, HttpRule> {
  const found = service
    .split('.')
    .reduce<Namespace | undefined>((namespace, name) => namespace?.nested?.[name], protos as Namespace)
  return Object.fromEntries(
    Object.entries(found?.methods ?? {}).flatMap(([method, { parsedOptions = [] }]) => {
      const rule = parsedOptions.find((option) => '(google.api.http)' in option)?.['(google.api.http)']
      return rule === undefined ? [] : [[method, rule as HttpRule]]
    }),
  )
}

/** A method in Google's discovery format (https://developers.google.com/discovery/v1/reference/apis). */
interface Method {
  httpMethod: string
  path: string
  /** Query parameters, by name; `[]` after the type for those that may be repeated. */
  query?: Readonly<Record<string, string>>
  request?: string
  hasUpload?: true
}

const PAGE = { maxResults: 'integer', pageToken: 'string' }
const DATASETS = 'projects/{+projectId}/datasets'
const DATASET = `${DATASETS}/{+datasetId}`
const TABLES = `${DATASET}/tables`
const TABLE = `${TABLES}/{+tableId}`
const JOBS = 'projects/{+projectId}/jobs'

/** The methods that are emulated, with the parameters that Google's command-line tool sends. */
const METHODS: Readonly<Record<string, Readonly<Record<string, Method>>>> = {
  datasets: {
    list: { httpMethod: 'GET', path: DATASETS, query: { ...PAGE, all: 'boolean', filter: 'string' } },
    get: { httpMethod: 'GET', path: DATASET, query: { datasetView: 'string', accessPolicyVersion: 'integer' } },
    insert: { httpMethod: 'POST', path: DATASETS, request: 'Dataset', query: { accessPolicyVersion: 'integer' } },
    patch: { httpMethod: 'PATCH', path: DATASET, request: 'Dataset', query: { accessPolicyVersion: 'integer' } },
    update: { httpMethod: 'PUT', path: DATASET, request: 'Dataset', query: { accessPolicyVersion: 'integer' } },
    delete: { httpMethod: 'DELETE', path: DATASET, query: { deleteContents: 'boolean' } },
  },
  tables: {
    list: { httpMethod: 'GET', path: TABLES, query: PAGE },
    get: { httpMethod: 'GET', path: TABLE, query: { selectedFields: 'string', view: 'string' } },
    insert: { httpMethod: 'POST', path: TABLES, request: 'Table' },
    patch: { httpMethod: 'PATCH', path: TABLE, request: 'Table', query: { autodetect_schema: 'boolean' } },
    update: { httpMethod: 'PUT', path: TABLE, request: 'Table', query: { autodetect_schema: 'boolean' } },
    delete: { httpMethod: 'DELETE', path: TABLE },
  },
  tabledata: {
    list: {
      httpMethod: 'GET',
      path: `${TABLE}/data`,
      query: { ...PAGE, startIndex: 'string', selectedFields: 'string', 'formatOptions.useInt64Timestamp': 'boolean' },
    },
    insertAll: { httpMethod: 'POST', path: `${TABLE}/insertAll`, request: 'TableDataInsertAllRequest' },
  },
  jobs: {
    list: {
      httpMethod: 'GET',
      path: JOBS,
      query: {
        ...PAGE,
        allUsers: 'boolean',
        projection: 'string',
        stateFilter: 'string[]',
        minCreationTime: 'string',
        maxCreationTime: 'string',
        parentJobId: 'string',
      },
    },
    get: { httpMethod: 'GET', path: `${JOBS}/{+jobId}`, query: { location: 'string' } },
    insert: { httpMethod: 'POST', path: JOBS, request: 'Job', hasUpload: true },
    cancel: { httpMethod: 'POST', path: `${JOBS}/{+jobId}/cancel`, query: { location: 'string' } },
    query: { httpMethod: 'POST', path: 'projects/{+projectId}/queries', request: 'QueryRequest' },
    getQueryResults: {
      httpMethod: 'GET',
      path: 'projects/{+projectId}/queries/{+jobId}',
      query: {
        ...PAGE,
        startIndex: 'string',
        timeoutMs: 'integer',
        location: 'string',
        'formatOptions.useInt64Timestamp': 'boolean',
      },
    },
  },
}

const UPLOAD = {
  accept: ['*/*'],
  protocols: {
    resumable: { multipart: true, path: `/resumable/upload/bigquery/v2/${JOBS}` },
    simple: { multipart: true, path: `/upload/bigquery/v2/${JOBS}` },
  },
}

/**
 * The discovery document of the emulated methods. `bq --api` and other clients that are built from it
 * fetch it when the API is not Google's own. Its messages have no members, because no client checks
 * them.
 *
 * @param origin the local cloud's address, e.g. `http://127.0.0.1:40123`
 */
export function discoveryDocument(origin: string): object {
  const requests = Object.values(METHODS).flatMap((methods) =>
    Object.values(methods).flatMap(({ request = [] }) => request),
  )
  return {
    kind: 'discovery#restDescription',
    discoveryVersion: 'v1',
    id: 'bigquery:v2',
    name: 'bigquery',
    version: 'v2',
    title: 'BigQuery API',
    description: 'The methods of the BigQuery API that the local cloud emulates.',
    protocol: 'rest',
    rootUrl: `${origin}/`,
    servicePath: 'bigquery/v2/',
    basePath: '/bigquery/v2/',
    baseUrl: `${origin}/bigquery/v2/`,
    batchPath: 'batch/bigquery/v2',
    parameters: Object.fromEntries(
      ['alt', 'fields', 'key', 'oauth_token', 'prettyPrint', 'quotaUser', 'userIp'].map((name) => [
        name,
        parameter('query', 'string'),
      ]),
    ),
    schemas: Object.fromEntries([...requests, 'Answer'].map((id) => [id, { id, type: 'object' }])),
    resources: Object.fromEntries(
      Object.entries(METHODS).map(([resource, methods]) => [
        resource,
        {
          methods: Object.fromEntries(
            Object.entries(methods).map(([name, method]) => [name, described(`bigquery.${resource}.${name}`, method)]),
          ),
        },
      ]),
    ),
  }
}

function described(id: string, { httpMethod, path, query = {}, request, hasUpload }: Method): object {
  const inPath = [...path.matchAll(/\{\+(\w+)\}/g)].map(([, name = '']) => name)
  return {
    id,
    httpMethod,
    path,
    parameterOrder: inPath,
    parameters: {
      ...Object.fromEntries(inPath.map((name) => [name, { ...parameter('path', 'string'), required: true }])),
      ...Object.fromEntries(Object.entries(query).map(([name, type]) => [name, parameter('query', type)])),
    },
    ...(request ? { request: { $ref: request } } : {}),
    ...(httpMethod === 'DELETE' ? {} : { response: { $ref: 'Answer' } }),
    ...(hasUpload ? { supportsMediaUpload: true, mediaUpload: UPLOAD } : {}),
    scopes: ['https://www.googleapis.com/auth/bigquery'],
  }
}

function parameter(location: string, type: string): object {
  const single = type.replace('[]', '')
  return { location, type: single, ...(type === single ? {} : { repeated: true }) }
}

import { RPC, BETA, UNIMPLEMENTED, matching, newQueue, createQueue, withRequest, type Case } from './case-fixture.ts'
import { LOCATION, QUEUE } from './tasks-fixture.ts'

/** Features that Cloud Tasks has and the local cloud lacks: refused by name. */
export const refusedCases: Case[] = [
  {
    name: 'App Engine tasks are refused by name',
    link: `${RPC}.AppEngineHttpRequest`,
    call: (cloud) => cloud.client.createTask({ parent: QUEUE, task: { appEngineHttpRequest: { relativeUri: '/a' } } }),
    error: [UNIMPLEMENTED, matching(/App Engine task/)],
  },
  {
    name: 'OAuth tokens are refused by name',
    link: `${RPC}.OAuthToken`,
    call: (cloud) => withRequest(cloud, { oauthToken: { serviceAccountEmail: 'a@b.c' } }),
    error: [UNIMPLEMENTED, matching(/OAuth token/)],
  },
  {
    name: 'App Engine routing of a queue is refused by name',
    link: `${RPC}.Queue`,
    call: (cloud) => createQueue(cloud, { appEngineRoutingOverride: { service: 'a' } }),
    error: [UNIMPLEMENTED, matching(/App Engine routing/)],
  },
  {
    name: 'an HTTP target of a queue is refused by name',
    link: `${BETA}.HttpTarget`,
    call: (cloud) =>
      cloud.beta.createQueue({ parent: LOCATION, queue: { name: newQueue(), httpTarget: { httpMethod: 'PUT' } } }),
    error: [UNIMPLEMENTED, matching(/httpTarget/)],
  },
  {
    name: 'a pull queue is refused by name',
    link: `${BETA}.Queue.Type`,
    call: (cloud) => cloud.beta.createQueue({ parent: LOCATION, queue: { name: newQueue(), type: 'PULL' } }),
    error: [UNIMPLEMENTED, matching(/pull queue/)],
  },
  {
    name: 'filtering of queues is refused by name',
    link: `${RPC}.ListQueuesRequest`,
    call: (cloud) => cloud.client.listQueues({ parent: LOCATION, filter: 'state: PAUSED' }),
    error: [UNIMPLEMENTED, matching(/ListQueuesRequest\.filter/)],
  },
  {
    name: 'IAM policies of queues are refused by name',
    link: `${RPC}.CloudTasks.GetIamPolicy`,
    call: (cloud) => cloud.client.getIamPolicy({ resource: QUEUE }),
    error: [UNIMPLEMENTED, matching(/CloudTasks\/GetIamPolicy/)],
  },
]

import { expect } from 'vitest'
import {
  RPC,
  QUOTAS,
  INVALID_ARGUMENT,
  NOT_FOUND,
  ALREADY_EXISTS,
  NO_QUEUE,
  NOT_THERE,
  matching,
  newTask,
  createTask,
  withRequest,
  seconds,
  type Case,
} from './case-fixture.ts'
import { QUEUE, START_MS, URL } from './tasks-fixture.ts'

const DAY_MS = 24 * 3_600_000
const body = (bytes: number): Buffer => Buffer.alloc(bytes, 'x')

/**
 * Cloud Tasks' answers, according to Google's reference. The error texts are those that Google's
 * service was seen to send.
 */
export const taskCases: Case[] = [
  {
    name: 'a task without settings is a POST for now, with ten minutes to answer',
    link: `${RPC}.Task`,
    call: (cloud) => createTask(cloud, {}),
    answer: {
      name: expect.stringMatching(/^projects\/test-project\/locations\/us-central1\/queues\/imagery-run\/tasks\/\d+$/),
      scheduleTime: { seconds: String(START_MS / 1_000), nanos: 0 },
      createTime: { seconds: String(START_MS / 1_000), nanos: 0 },
      dispatchDeadline: { seconds: '600', nanos: 0 },
      dispatchCount: 0,
      responseCount: 0,
      view: 'BASIC',
      httpRequest: expect.objectContaining({ url: URL, httpMethod: 'POST' }),
    },
  },
  {
    name: 'a schedule time in the past becomes the present',
    link: `${RPC}.CreateTaskRequest`,
    call: (cloud) => createTask(cloud, { scheduleTime: seconds(START_MS / 1_000 - 60) }),
    answer: { scheduleTime: { seconds: String(START_MS / 1_000), nanos: 0 } },
  },
  {
    name: 'a schedule time is kept to the microsecond',
    link: `${RPC}.Task`,
    call: (cloud) => createTask(cloud, { scheduleTime: { seconds: START_MS / 1_000 + 60, nanos: 123_456_789 } }),
    answer: { scheduleTime: { seconds: String(START_MS / 1_000 + 60), nanos: 123_456_000 } },
  },
  {
    name: 'a schedule time 30 days ahead is accepted',
    link: QUOTAS,
    call: (cloud) => createTask(cloud, { scheduleTime: seconds((START_MS + 30 * DAY_MS) / 1_000) }),
    answer: { scheduleTime: { seconds: String((START_MS + 30 * DAY_MS) / 1_000), nanos: 0 } },
  },
  {
    name: 'a schedule time more than 30 days ahead is refused',
    link: QUOTAS,
    call: (cloud) => createTask(cloud, { scheduleTime: seconds((START_MS + 30 * DAY_MS) / 1_000 + 1) }),
    error: [
      INVALID_ARGUMENT,
      matching(/is too far in the future\. Schedule time must be no more than 720h in the future\.$/),
    ],
  },
  {
    name: 'a dispatch deadline of 15 s is accepted',
    link: `${RPC}.Task`,
    call: (cloud) => createTask(cloud, { dispatchDeadline: seconds(15) }),
    answer: { dispatchDeadline: { seconds: '15', nanos: 0 } },
  },
  {
    name: 'a dispatch deadline of 30 minutes is accepted',
    link: `${RPC}.Task`,
    call: (cloud) => createTask(cloud, { dispatchDeadline: seconds(1_800) }),
    answer: { dispatchDeadline: { seconds: '1800', nanos: 0 } },
  },
  {
    name: 'a dispatch deadline below 15 s is refused',
    link: `${RPC}.Task`,
    call: (cloud) => createTask(cloud, { dispatchDeadline: { seconds: 14, nanos: 999_000_000 } }),
    error: [INVALID_ARGUMENT, 'Task.dispatchDeadline must be between [15s, 30m].'],
  },
  {
    name: 'a dispatch deadline above 30 minutes is refused',
    link: `${RPC}.Task`,
    call: (cloud) => createTask(cloud, { dispatchDeadline: seconds(1_801) }),
    error: [INVALID_ARGUMENT, 'Task.dispatchDeadline must be between [15s, 30m].'],
  },
  {
    name: 'a task just below 100 KB is accepted',
    link: `${RPC}.CloudTasks.CreateTask`,
    call: (cloud) => withRequest(cloud, { body: body(102_400 - 400) }),
    answer: { dispatchCount: 0 },
  },
  {
    name: 'a task above 100 KB is refused',
    link: `${RPC}.CloudTasks.CreateTask`,
    call: (cloud) => withRequest(cloud, { body: body(102_400) }),
    error: [INVALID_ARGUMENT, 'Task size too large'],
  },
  {
    name: 'headers below 80 KB are accepted',
    link: `${RPC}.HttpRequest`,
    call: (cloud) => withRequest(cloud, { headers: { 'x-a': 'y'.repeat(81_920 - 4) } }),
    answer: { dispatchCount: 0 },
  },
  {
    name: 'headers of 80 KB are refused',
    link: `${RPC}.HttpRequest`,
    call: (cloud) => withRequest(cloud, { headers: { 'x-a': 'y'.repeat(81_920 - 3) } }),
    error: [INVALID_ARGUMENT],
  },
  {
    name: 'headers that Cloud Tasks sets itself are ignored; the others are kept unchanged',
    link: `${RPC}.HttpRequest`,
    call: (cloud) =>
      withRequest(cloud, {
        headers: {
          'content-type': 'application/json',
          'X-Mixed-Case': 'kept',
          Host: 'a',
          'Content-Length': '1',
          'user-agent': 'b',
          'X-Google-A': 'c',
          'X-AppEngine-B': 'd',
          'X-CloudTasks-TaskName': 'e',
        },
      }),
    answer: {
      httpRequest: expect.objectContaining({
        headers: { 'content-type': 'application/json', 'X-Mixed-Case': 'kept', 'User-Agent': 'Google-Cloud-Tasks' },
      }),
    },
  },
  {
    name: 'a token replaces an Authorization header',
    link: `${RPC}.HttpRequest`,
    call: (cloud) =>
      withRequest(cloud, { headers: { Authorization: 'Basic a' }, oidcToken: { serviceAccountEmail: 'a@b.c' } }),
    answer: { httpRequest: expect.objectContaining({ headers: { 'User-Agent': 'Google-Cloud-Tasks' } }) },
  },
  {
    name: 'a URL of 2,083 characters is accepted',
    link: `${RPC}.HttpRequest`,
    call: (cloud) => withRequest(cloud, { url: `https://a.b/${'c'.repeat(2_083 - 12)}` }),
    answer: { dispatchCount: 0 },
  },
  {
    name: 'a URL above 2,083 characters is refused',
    link: `${RPC}.HttpRequest`,
    call: (cloud) => withRequest(cloud, { url: `https://a.b/${'c'.repeat(2_083 - 11)}` }),
    error: [INVALID_ARGUMENT],
  },
  {
    name: 'a task without URL is refused',
    link: `${RPC}.HttpRequest`,
    call: (cloud) => withRequest(cloud, { url: '' }),
    error: [INVALID_ARGUMENT, 'HttpRequest.url is required.'],
  },
  {
    name: 'a URL that is not of http or https is refused',
    link: `${RPC}.HttpRequest`,
    call: (cloud) => withRequest(cloud, { url: 'ftp://a.b/c' }),
    error: [INVALID_ARGUMENT, "HttpTarget.url must start with 'http://' or 'https://'."],
  },
  {
    name: 'a body with GET is refused',
    link: `${RPC}.HttpRequest`,
    call: (cloud) => withRequest(cloud, { httpMethod: 'GET', body: body(1) }),
    error: [INVALID_ARGUMENT],
  },
  {
    name: 'a body with PATCH is accepted',
    link: `${RPC}.HttpRequest`,
    call: (cloud) => withRequest(cloud, { httpMethod: 'PATCH', body: body(1) }),
    answer: { httpRequest: expect.objectContaining({ httpMethod: 'PATCH' }) },
  },
  {
    name: 'a token for a target without TLS is refused',
    link: `${RPC}.OidcToken`,
    call: (cloud) => withRequest(cloud, { url: 'http://a.b/c', oidcToken: { serviceAccountEmail: 'a@b.c' } }),
    error: [
      INVALID_ARGUMENT,
      "HttpRequest.url must start with 'https://' for request with HttpRequest.authorization_header",
    ],
  },
  {
    name: 'a task without a request is refused',
    link: `${RPC}.Task`,
    call: (cloud) => cloud.client.createTask({ parent: QUEUE, task: {} }),
    error: [INVALID_ARGUMENT, 'Task.payload_type is not set.'],
  },
  {
    name: 'a task id of 500 characters is accepted',
    link: `${RPC}.Task`,
    call: (cloud) => createTask(cloud, { name: `${QUEUE}/tasks/${'a_-'.repeat(166)}ZZ` }),
    answer: { name: `${QUEUE}/tasks/${'a_-'.repeat(166)}ZZ` },
  },
  {
    name: 'a task id of 501 characters is refused',
    link: `${RPC}.Task`,
    call: (cloud) => createTask(cloud, { name: `${QUEUE}/tasks/${'a'.repeat(501)}` }),
    error: [INVALID_ARGUMENT, matching(/Task ID must between 1 and 500 characters\.$/)],
  },
  {
    name: 'a task id with other characters is refused',
    link: `${RPC}.Task`,
    call: (cloud) => createTask(cloud, { name: `${QUEUE}/tasks/not a valid id` }),
    error: [INVALID_ARGUMENT, matching(/^Task ID "not a valid id" can contain only letters/)],
  },
  {
    name: 'a task named into another queue than the parent is refused',
    link: `${RPC}.CreateTaskRequest`,
    call: (cloud) => createTask(cloud, { name: `${QUEUE}-other/tasks/a` }),
    error: [
      INVALID_ARGUMENT,
      `The queue name from request ('${QUEUE}') must be the same as the queue name in the named task ('${QUEUE}-other').`,
    ],
  },
  {
    name: 'a task for a missing queue is not found',
    link: `${RPC}.CloudTasks.CreateTask`,
    call: (cloud) => createTask(cloud, {}, NOT_THERE),
    error: [NOT_FOUND, NO_QUEUE],
  },
  {
    name: 'the name of a task cannot be used for another',
    link: `${RPC}.CreateTaskRequest`,
    call: async (cloud) => {
      const name = `${QUEUE}/tasks/${newTask()}`
      await createTask(cloud, { name })
      await createTask(cloud, { name })
    },
    error: [ALREADY_EXISTS, 'Requested entity already exists'],
  },
  {
    name: 'the name of a deleted task cannot be used for another',
    link: `${RPC}.CreateTaskRequest`,
    call: async (cloud) => {
      const name = `${QUEUE}/tasks/${newTask()}`
      await createTask(cloud, { name })
      await cloud.client.deleteTask({ name })
      await createTask(cloud, { name })
    },
    error: [
      ALREADY_EXISTS,
      matching(/^The task cannot be created because a task with this name existed too recently\./),
    ],
  },
  {
    name: 'a deleted task is no longer found',
    link: `${RPC}.CloudTasks.GetTask`,
    call: async (cloud) => {
      const name = `${QUEUE}/tasks/${newTask()}`
      await createTask(cloud, { name })
      await cloud.client.deleteTask({ name })
      await cloud.client.getTask({ name })
    },
    error: [NOT_FOUND, matching(/^The task no longer exists, though a task with this name existed recently\./)],
  },
  {
    name: 'a task that never was is not found',
    link: `${RPC}.CloudTasks.GetTask`,
    call: (cloud) => cloud.client.getTask({ name: `${QUEUE}/tasks/never` }),
    error: [NOT_FOUND, 'Requested entity was not found.'],
  },
  {
    name: 'a task that never was cannot be deleted',
    link: `${RPC}.CloudTasks.DeleteTask`,
    call: (cloud) => cloud.client.deleteTask({ name: `${QUEUE}/tasks/never` }),
    error: [NOT_FOUND, 'Requested entity was not found.'],
  },
  {
    name: 'a task that never was cannot be run',
    link: `${RPC}.CloudTasks.RunTask`,
    call: (cloud) => cloud.client.runTask({ name: `${QUEUE}/tasks/never` }),
    error: [NOT_FOUND, 'Requested entity was not found.'],
  },
]

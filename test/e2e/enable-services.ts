/**
 * Enables services of the local project, as a user does before using them without
 * imagery's own, and waits until they are.
 *
 * @param services first labels of the services' names: `pubsub`
 */
export async function enableServices(origin: string, token: string, services: readonly string[]): Promise<void> {
  const call = async (route: string, body?: object): Promise<{ name: string; done?: boolean }> => {
    const answer = await fetch(`${origin}/v1/${route}`, {
      headers: { authorization: `Bearer ${token}` },
      ...(body ? { method: 'POST', body: JSON.stringify(body) } : {}),
    })
    if (!answer.ok) throw new Error(`${route}: ${await answer.text()}`)
    return (await answer.json()) as { name: string; done?: boolean }
  }
  const serviceIds = services.map((service) => `${service}.googleapis.com`)
  let operation = await call('projects/imagery-local/services:batchEnable', { serviceIds })
  while (!operation.done) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    operation = await call(operation.name)
  }
}

import { randomUUID } from 'node:crypto'

export async function statusOf(api: string, token: string): Promise<number> {
  const response = await fetch(`${api}/hello`, { headers: { authorization: `Bearer ${token}` } })
  await response.arrayBuffer()
  return response.status
}

/**
 * Requests with tokens that were issued a moment before, to every API in turn, until it is ended. Some of them are visited by
 * a stranger too, whose keys nobody knows: who looked for those a moment ago does not look for another so soon.
 */
export function underLoad(token: () => Promise<string>, apis: readonly string[], visited: readonly string[]) {
  const refused: { api: string; status: number; kid: string }[] = []
  const kids = new Set<string>()
  let count = 0
  let going = true
  async function load(): Promise<void> {
    while (going) {
      const fresh = await token()
      const kid = kidOf(fresh)
      kids.add(kid)
      for (const api of apis) {
        if (visited.includes(api)) await statusOf(api, strangersToken())
        const status = await statusOf(api, fresh)
        // One that was issued before the revocation and arrives after it is refused, as it should be.
        if (status !== 200) refused.push({ api, status, kid })
        count++
      }
    }
  }
  const loads = [load(), load()]
  return async () => {
    going = false
    await Promise.all(loads)
    return { refused, kids, count }
  }
}

function strangersToken(): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'ES256', typ: 'at+jwt', kid: randomUUID() })}.${part({})}.${'A'.repeat(86)}`
}

export function kidOf(token: string): string {
  return JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid
}

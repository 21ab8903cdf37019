/** What the tests of the pages have in common: an estate of two instances behind one address, a client, and accounts. */
import { type Estate, startEstate } from '../../estate.ts'
import { registerClient } from '../../registration/client.ts'
import { password, redirectUri } from '../setting.ts'
import { authorization, type Seen, userAgent } from '../user-agent.ts'

export { isBack, password, redirectUri } from '../setting.ts'

export async function startPages() {
  const estate = await startEstate()
  return pagesOf(estate).catch(async (error) => {
    await estate.stop()
    throw error
  })
}

async function pagesOf(estate: Estate) {
  const idp = await estate.instance()
  const other = await estate.instance({ REKEY_ISSUER: idp.url })
  const bearer = await idp.management()
  const clientId = await client('Acme Reports')
  let made = 0

  async function client(name: string): Promise<string> {
    const registered = await registerClient(idp, { profile: 'spa', client_name: name, redirect_uris: [redirectUri] })
    return registered.clientId
  }

  async function account(): Promise<{ accountId: string; username: string }> {
    made += 1
    return (await idp.manage('POST', '/api/v1/accounts', { username: `user-${made}`, password }, bearer)).body
  }

  /** Where a client sends a user who is to log in. */
  const ask = (more: Record<string, string> = {}, of = clientId) => authorization(idp.url, of, redirectUri, more)

  return {
    estate,
    idp,
    other,
    bearer,
    clientId,
    client,
    account,
    change: (accountId: string, body: object) => idp.manage('PATCH', `/api/v1/accounts/${accountId}`, body, bearer),
    ask,
    /** A browser of its own, at the first page. */
    async begin(more: Record<string, string> = {}, of = clientId) {
      const agent = userAgent(idp.url)
      return { agent, page: await agent.go(ask(more, of).url) }
    },
  }
}

export type Pages = Awaited<ReturnType<typeof startPages>>

export const title = ({ page }: Seen) => /<title>([^<]*)/.exec(page)?.[1]

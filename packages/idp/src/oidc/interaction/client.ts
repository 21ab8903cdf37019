import type { Client } from 'oidc-provider'
import { errors } from 'oidc-provider'
import { type Html, html } from '../pages/html.ts'
import { nameOf } from '../pages/page.ts'
import type { Step } from './routes.ts'

/** The client for which a user is asked; `undefined` where it is none any more. */
export async function clientOf({ oidc, interaction }: Pick<Step, 'oidc' | 'interaction'>): Promise<Client | undefined> {
  return oidc
    .current()
    .Client.find(String(interaction.params.client_id))
    .catch((error: unknown) => {
      if (error instanceof errors.InvalidClient) return undefined
      throw error
    })
}

export function nameToShow(client: Client | undefined): Html {
  return client ? nameOf(client) : html`an application that is not registered any more`
}

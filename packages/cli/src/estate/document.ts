import { z } from 'zod'

const credential = z.object({ clientId: z.string().min(1), clientSecret: z.string().min(1) })
const user = z.object({ username: z.string().min(1), password: z.string().min(1) })
const address = z.url().transform((url) => url.replace(/\/+$/, ''))

/** What a running estate tells about itself in `estate.json`. Members of later parts are let through unread. */
export const estateDocument = z.looseObject({
  /** The issuer, and the first instance of it. */
  idp: address,
  /** Every instance of the issuer, if there are several. */
  idps: z.array(address).optional(),
  /** Where browsers reach the backend for frontend. */
  bff: address.optional(),
  /** Every instance of it, if there are several. */
  bffs: z.array(address).optional(),
  /** By which it lets operators in, where no token of the IdP does. */
  bffToken: z.string().optional(),
  apis: z.array(address).default([]),
  /** Of the tables' owner: for inspection. */
  database: z.string().optional(),
  /** The same of the backend for frontend. */
  bffDatabase: z.string().optional(),
  /** May have every management scope. */
  admin: credential,
  /** May have none. */
  agent: credential.optional(),
  /** Who may log in. */
  user: user.optional(),
})

/** A name and its password, as the login page takes them. */
export type User = z.infer<typeof user>

/** An id and its secret, as `POST /api/v1/token` takes them by Basic. */
export type Credential = z.infer<typeof credential>

/** Where an estate's parts are, and the credentials to use them with. */
export type Estate = z.infer<typeof estateDocument>

/** The APIs of `rekey up`, which are on the feed, as `--api` takes them. */
export function ownTargets(urls: readonly string[]): string {
  return urls.map((url) => `${url} library=@rekey/verifier-feed`).join(',')
}

/** Every instance of the estate's IdP, the first one first. */
export function idpsOf({ idp, idps = [] }: Pick<Estate, 'idp' | 'idps'>): string[] {
  return [...new Set([idp, ...idps])]
}

/** Every instance of the estate's backend for frontend; none where it has none. */
export function bffsOf({ bff, bffs }: Pick<Estate, 'bff' | 'bffs'>): string[] {
  if (bffs !== undefined && bffs.length > 0) return [...new Set(bffs)]
  return bff === undefined ? [] : [bff]
}

/** What a crowd is told to do. */
export type Order =
  | {
      readonly do: 'open'
      readonly url: string
      readonly clientId: string
      readonly clientSecret: string
      readonly count: number
    }
  /** Be an API too: guarded by the first verifier. */
  | { readonly do: 'serve' }
  /** Accept this token now, and refuse it when its key is revoked. */
  | { readonly do: 'watch'; readonly token: string; readonly kid: string }
  /** Wait until each verifier holds a lease by a renewal sent after this moment of the shared clock. */
  | { readonly do: 'await-renewal'; readonly sinceMs: number }
  | { readonly do: 'sum-up' }
  | { readonly do: 'close' }

/** What a crowd reports. Moments are milliseconds of the shared clock. */
export type Report =
  | { readonly type: 'opened' }
  | { readonly type: 'serving'; readonly url: string }
  | { readonly type: 'watching' }
  /** When each verifier refused the token. */
  | { readonly type: 'refused'; readonly at: readonly number[] }
  | { readonly type: 'renewed'; readonly at: number }
  /** Since the last time. */
  | {
      readonly type: 'summed-up'
      readonly problems: Readonly<Record<string, number>>
      readonly leasesLost: number
    }
  | { readonly type: 'closed' }

/** The report of one type. */
export type ReportOf<T extends Report['type']> = Extract<Report, { type: T }>

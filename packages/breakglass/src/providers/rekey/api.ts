/** The management API of Rekey's identity provider, below `/api/v1`, for a client with `keyrings:read incidents:write audit:read`. */
export interface ManagementApi {
  /**
   * Resolves to the reply's JSON.
   *
   * @throws BreakGlassError `PROVIDER_REFUSED`, with `facts` `{code, status, details}` as the API answered; `PROVIDER_UNREACHABLE`
   *   where nobody answers or the API cannot serve, which includes 503
   */
  call(request: ApiRequest): Promise<unknown>
}

export interface ApiRequest {
  method: 'GET' | 'POST' | 'PUT'
  /** `/incidents/INC-42`. */
  path: string
  body?: unknown
  /** For a call that rightly takes longer than most. */
  replyWithinMs?: number
}

/** What proxies log for a client that closed its connection. Nobody receives it: it is for access logs and counters. */
export const CLIENT_CLOSED_REQUEST = 499;

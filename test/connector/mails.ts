// The mails that both servers are given, in the order of their UIDs.

export interface Given {
  raw: string;
  flags: string[];
  /** IMAP date-time. */
  date: string;
}

const crlf = (text: string): string => text.replace(/\n/g, '\r\n');

export const mails: readonly Given[] = [
  {
    flags: ['\\Seen'],
    date: '01-Mar-2026 10:00:00 +0000',
    raw: crlf(`From: Anna Prospect <anna@prospect.example>
To: sales@company.example
Subject: Quote for twenty desks
Date: Sun, 01 Mar 2026 09:59:00 +0000
Message-ID: <1@prospect.example>
X-Campaign: spring

Please quote twenty desks.
`),
  },
  {
    flags: ['\\Flagged', '$Urgent'],
    date: '02-Mar-2026 10:00:00 +0000',
    raw: crlf(`From: =?utf-8?q?J=C3=BCrg?= <juerg@kunde.example>
To: sales@company.example
Cc: boss@company.example
Subject: =?utf-8?q?Angebot_f=C3=BCr_St=C3=BChle?=
Date: Mon, 02 Mar 2026 09:59:00 +0000
Message-ID: <2@kunde.example>
In-Reply-To: <1@prospect.example>
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Bitte zw\u00f6lf St\u00fchle.
`),
  },
  {
    flags: [],
    date: '03-Mar-2026 10:00:00 +0000',
    raw: crlf(`From: supplier@parts.example
To: sales@company.example
Subject: Invoice 7
Date: Sun, 15 Feb 2026 08:00:00 +0000
Message-ID: <3@parts.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

The invoice is attached.
--b
Content-Type: application/pdf; name="invoice.pdf"
Content-Disposition: attachment; filename="invoice.pdf"
Content-Transfer-Encoding: base64

${'JVBERi0xLjQK'.repeat(60)}
--b--
`),
  },
  {
    flags: ['\\Answered', '\\Seen'],
    date: '04-Mar-2026 10:00:00 +0000',
    raw: crlf(`From: Anna Prospect <anna@prospect.example>
To: sales@company.example
Subject: Re: Quote for twenty desks
Date: Wed, 04 Mar 2026 09:59:00 +0000
Message-ID: <4@prospect.example>
References: <1@prospect.example>

Thank you.
`),
  },
  {
    flags: ['\\Draft'],
    date: '05-Mar-2026 10:00:00 +0000',
    raw: crlf(`From: sales@company.example
To: anna@prospect.example
Subject: (an offer "in quotes" \\ and more)
Date: Thu, 05 Mar 2026 09:59:00 +0000
Message-ID: <5@company.example>

Offer.
`),
  },
];

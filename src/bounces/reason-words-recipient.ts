// How servers say that there is nobody of that name: the reason for which an address is given up, so each of these must be
// clear.

export const NO_SUCH_RECIPIENT: readonly string[] = [
  ...[
    '(?:no|not a) such (?:user|mailbox|recipient|address|person|account|name)',
    '(?:user|recipient|mailbox|address|account|addressee)s? (?:\\S+ )?(?:is |was )?(?:unknown|not known|invalid|nonexistent|non-existent)',
  ],
  ...[
    '(?:unknown|invalid|nonexistent|non-existent|bad|undeliverable) (?:local )?(?:user|recipient|mailbox|address|local.part|destination (?:mailbox|address))',
  ],
  ...[
    '(?:user|recipient|mailbox|address|account|addressee|e-?mail)[^.;\\n]{0,80}?(?:does ?n.t|does not|did not|do not|couldn.t be|could not be|was ?n.t|was not|is not|cannot be|not) (?:exist|found|be found|have an? |listed|recogni[sz]ed|located)',
  ],
  ...[
    'not our customer',
    'no mailbox (?:here )?(?:by that name|found)',
    'wasn.t found at',
    'doesn.t have an? \\S+ account',
    'recipient ?not ?found',
  ],
  ...[
    'recipnotfound',
    'user ?unknown',
    'not listed in',
    'no account by',
    'address rejected: undeliverable',
    'mailbox not found',
    'who are you looking for',
    'this user doesn.t have',
  ],
  ...[
    'empfänger (?:ist )?(?:unbekannt|nicht bekannt)',
    '(?:e-mail-)?adresse.{0,60}(?:existiert nicht|nicht gefunden|unbekannt)',
    'unbekannter (?:empfänger|benutzer)',
  ],
  ...[
    'benutzer.{0,20}(?:unbekannt|existiert nicht)',
    'destinataire (?:inconnu|introuvable)',
    '(?:adresse|boîte).{0,60}(?:n.existe pas|introuvable|est introuvable)',
  ],
  ...[
    '(?:usuario|destinatario|dirección|buzón).{0,60}(?:desconocido|no existe|no se encontró|no encontrad)',
    '(?:destinatario|utente|indirizzo|casella).{0,60}(?:sconosciuto|inesistente|non esiste|non trovat)',
  ],
  ...[
    '(?:destinatário|usuário|endereço).{0,60}(?:desconhecido|não existe|não encontrado|inexistente)',
    '(?:ontvanger|adres|gebruiker).{0,60}(?:onbekend|bestaat niet|niet gevonden)',
  ],
  ...[
    '(?:пользовател|получател|адрес|ящик).{0,60}(?:не найден|не существует|неизвест)',
    '(?:adresat|odbiorca|użytkownik|adres).{0,60}(?:nieznany|nie istnieje|nie znalezion)',
  ],
  ...[
    'alıcı.{0,40}(?:bulunamadı|bilinmiyor)',
    '(?:用户|收件人|邮箱|地址|帐号|账号)[^。；\\n]{0,40}(?:不存在|没有找到|未找到|不正确|无效)',
    '(?:使用者|收件者|信箱)[^。；\\n]{0,40}(?:不存在|找不到)',
    '找不到(?:收件人|用户|收件者)',
  ],
  ...[
    '(?:宛先|受信者|ユーザー?|メールアドレス)[^。\\n]{0,40}(?:見つかりません|存在しません|不明)',
    '(?:받는 사람|수신자|사용자|주소)[^.\\n]{0,40}(?:찾을 수 없|존재하지 않|없습니다)',
  ],
];

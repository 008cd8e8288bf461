// The names of the tools that agents have. The operation registry has each of them; rules name them here, so that a
// misspelt one is an error and never a tool that silently is not there.
export const toolNames = [
  ...(['search_messages', 'get_message', 'list_threads', 'get_thread', 'get_attachment'] as const),
  ...(['search_knowledge', 'read_document'] as const),
  ...(['reply_to_message', 'forward_message', 'send_message'] as const),
  ...(['create_draft', 'update_draft', 'get_draft', 'list_drafts'] as const),
  ...(['add_label', 'remove_label', 'mark_message', 'move_message'] as const),
  ...(['get_session', 'ask_person', 'wait_for_reply', 'finish'] as const),
] as const;
export type ToolName = (typeof toolNames)[number];

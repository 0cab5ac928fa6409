"""The provider record: who this instance is, where it answers, and which of its histories it lives in."""

"""The names that every table, setting and message shares: columns, event types, sources."""

# Columns. One word for one thing, in every table.
USER_ID = "user_id"
ITEM_ID = "item_id"
EVENT_ID = "event_id"
EVENT_TYPE = "event_type"
EVENT_TS = "event_ts"
EVENT_DATE = "event_date"
VALUE = "value"
SESSION_ID = "session_id"
CONTEXT = "context"
SOURCE = "source"
RUN_DATE = "run_date"
RUN_ID = "run_id"
SCORE = "score"
RANK = "rank"
REASON = "reason"
STRENGTH = "strength"
NEGATIVE = "negative"
EVENTS = "events"
SEEN = "seen"
FIRST_TS = "first_ts"
LAST_TS = "last_ts"
MODEL_VERSION = "model_version"
FALLBACK_TIER = "fallback_tier"
PROPENSITY = "propensity"
POLICY = "policy"
POSITION = "position"
REWARD = "reward"
TITLE = "title"
TEXT = "text"
LANGUAGE = "language"
ARM = "arm"

# What a place's fallback_tier means, by its number.
TIER_WORDS = ("personalised", "popular in their segment", "popular")

# Event types.
VIEW = "view"
CLICK = "click"
CART = "cart"
PURCHASE = "purchase"
RATING = "rating"
PLAY = "play"
READ = "read"
LIKE = "like"
DISLIKE = "dislike"
SKIP = "skip"
INTERACTION = "interaction"  # an event of which no more is known than that it happened

EVENT_TYPES = (VIEW, CLICK, CART, PURCHASE, RATING, PLAY, READ, LIKE, DISLIKE, SKIP, INTERACTION)

# Sources of a candidate, which are also the names of the models.
ALS = "als"
IALS = "ials"
ITEM_KNN = "item_knn"
RP3BETA = "rp3beta"
SLIM = "slim"
USER_KNN = "user_knn"
GRAPH_FILTER = "graph_filter"
EASE = "ease"
POPULAR = "popular"
POPULAR_IN_SEGMENT = "popular_in_segment"

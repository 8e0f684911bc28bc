from typing import Any, cast

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from knox.settings import CONSTANTS
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts import tokens
from accounts.forms import TokenForm
from accounts.models import ApiToken
from accounts.stepping_up import needs_password, needs_password_to_act

NEW_TOKEN = ("name", "days")
TOKEN = ("name", "user", "beginning", "created", "expiry")
RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(BaseUserAdmin, ModelAdmin):
    """People. Only a superuser gives rights; nobody touches an account with more than their own."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "first_name", "last_name", "is_active", "is_staff", "is_superuser")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        fields = ("last_login", "date_joined")
        return fields if request.user.is_superuser else (*fields, *RIGHTS)

    @needs_password
    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().add_view(request, *args, **kwargs)

    @needs_password_to_act
    def change_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().change_view(request, *args, **kwargs)

    @needs_password
    def user_change_password(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().user_change_password(request, *args, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_touch(request, obj)


def _may_touch(request: HttpRequest, user: User | None) -> bool:
    if user is None or request.user.is_superuser:
        return True
    return user.get_all_permissions() <= request.user.get_all_permissions()


@admin.register(Group)
class RoleAdmin(BaseGroupAdmin, ModelAdmin):
    """Groups of rights. Whoever edits one could raise their own: superusers only."""

    @needs_password_to_act
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().changeform_view(request, *args, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return request.user.is_superuser


@admin.register(ApiToken)
class ApiTokenAdmin(ModelAdmin):
    """Tokens are made for oneself, shown once, and revoked; never read again or changed."""

    form = TokenForm
    list_display = ("shown_name", "user", "beginning", "created", "expiry")
    list_select_related = ("user",)
    search_fields = ("name", "user__username")
    ordering = ("-created",)

    @display(description="Token", ordering="name")
    def shown_name(self, token: ApiToken) -> str:
        return token.name or "without a name"

    @display(description="Begins with")
    def beginning(self, token: ApiToken) -> str:
        return f"{token.token_key}…"

    @needs_password
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        only_save = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, {**only_save, **(extra_context or {})})

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        every = super().get_queryset(request)
        return every if request.user.is_superuser else every.filter(user=request.user)

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> tuple[str, ...]:
        return (
            ("name", "days") if obj is None else ("name", "user", "beginning", "created", "expiry")
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else self.get_fields(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Form, change: bool) -> None:
        """Issue the token; `obj` becomes its row, so that the log names it."""
        typed = form.cleaned_data
        owner = cast(User, request.user)  # the admin lets nobody else in
        obj.plaintext = tokens.issue(owner, name=typed["name"], days=typed["days"])
        obj.token_key = obj.plaintext[: CONSTANTS.TOKEN_KEY_LENGTH]
        obj.pk = ApiToken.objects.get(user=request.user, token_key=obj.token_key).pk

    def response_add(
        self, request: HttpRequest, obj: ApiToken, post_url_continue: Any = None
    ) -> HttpResponse:
        """Show the token: here, once, in no message; and in no cache, as all of the admin."""
        context = {
            **self.admin_site.each_context(request),
            "title": "Your new API token",
            "opts": self.opts,
            "token": obj.plaintext,
        }
        return TemplateResponse(request, "accounts/token_created.html", context)
